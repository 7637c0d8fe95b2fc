// SPDX-License-Identifier: MIT
/*
 * What pfn-as-dma-address.cocci must find: each line with "BAD" in its comment, and no other.
 * This is never compiled.
 */

static void physical_address_of_a_page(struct i915_page_dma *dma, struct page *page)
{
	dma_addr_t addr;

	addr = page_to_phys(page); /* BAD */
	write_pte(dma, addr);
}

static void in_a_declaration(struct i915_page_dma *dma, struct page *page)
{
	dma_addr_t addr = page_to_phys(page); /* BAD */

	write_pte(dma, addr);
}

static void pfns_as_hmm_found_them(struct hmm_range *range, dma_addr_t *addr, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++)
		addr[i] = (range->hmm_pfns[i] & ~HMM_PFN_FLAGS) << PAGE_SHIFT; /* BAD */
}

static void a_scatterlist_by_hand(struct scatterlist *sg, unsigned long pfn)
{
	sg_dma_address(sg) = pfn << PAGE_SHIFT; /* BAD */
	sg_dma_len(sg) = PAGE_SIZE;
}

static void a_scatterlist_by_hand_and_field(struct scatterlist *sg, const unsigned long *pfns)
{
	sg->dma_address = PFN_PHYS(pfns[0]); /* BAD */
	sg->dma_length = PAGE_SIZE;
}

static void with_an_offset(struct request *rq, struct page *page, unsigned int offset)
{
	rq->dma_addr = page_to_phys(page) + offset; /* BAD */
}

static void a_page_as_it_is(struct hmm_range *range, struct request *rq)
{
	rq->dma_addr = (dma_addr_t)hmm_pfn_to_page(range->hmm_pfns[0]); /* BAD */
}
