// SPDX-License-Identifier: MIT
/*
 * What pfn-as-dma-address.cocci must not complain about. This is never compiled.
 */

static int mapped(struct device *dev, struct page *page, dma_addr_t *out)
{
	dma_addr_t addr;

	addr = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	if (dma_mapping_error(dev, addr))
		return -ENOMEM;

	*out = addr;
	return 0;
}

static void a_function_that_knows_the_device(struct device *dev, struct page *page, struct request *rq)
{
	rq->dma_addr = phys_to_dma(dev, page_to_phys(page));
	rq->dma_addr = dma_map_resource(dev, page_to_phys(page), PAGE_SIZE, DMA_TO_DEVICE, 0);
}

static void a_physical_address_as_such(struct page *page)
{
	phys_addr_t phys = page_to_phys(page);
	unsigned long pfn;

	pfn = page_to_pfn(page);
	pr_debug("%pa %lu\n", &phys, pfn);
}

static int a_scatterlist(struct device *dev, struct hmm_range *range, struct sg_table *sgt)
{
	sg_set_page(sgt->sgl, hmm_pfn_to_page(range->hmm_pfns[0]), PAGE_SIZE, 0);
	return dma_map_sgtable(dev, sgt, DMA_BIDIRECTIONAL, 0);
}

static void where_the_device_finds_it(struct scatterlist *sg, struct request *rq)
{
	rq->dma_addr = sg_dma_address(sg) + sg->offset;
}
