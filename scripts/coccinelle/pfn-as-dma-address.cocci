// SPDX-License-Identifier: MIT
/// Where a device finds a page is what the DMA API says of it, and nothing else: with an IOMMU, in a guest, or
/// for memory that the device does not reach, it is not the physical address. So a DMA address is never made of a
/// page, a pfn (of hmm_range_fault(), say) or a physical address: dma_map_page(), dma_map_sgtable() and their like
/// make it.
///
// Confidence: High
// Options: --no-includes --include-headers

virtual report

@physical@
identifier pfn =~ "pfns?$";
expression x, e, shift;
@@

(
  page_to_phys(...)@x
|
  page_to_pfn(...)@x
|
  page_to_virt(...)@x
|
  page_address(...)@x
|
  hmm_pfn_to_phys(...)@x
|
  hmm_pfn_to_page(...)@x
|
  virt_to_phys(...)@x
|
  PFN_PHYS(...)@x
|
  __pa(...)@x
|
  pfn@x << shift
|
  pfn[e]@x << shift
|
  e->pfn@x << shift
|
  e.pfn@x << shift
|
  e->hmm_pfns[...]@x
|
  e.hmm_pfns[...]@x
)

// What a function makes of it is that function's to answer for: phys_to_dma(), dma_map_resource().
@made@
expression physical.x;
dma_addr_t address;
expression sg, e;
identifier member =~ "^dma_addr";
identifier func;
position p;
@@

(
  address@p = x
|
  sg_dma_address@p(sg) = x
|
  e->member@p = x
|
  e.member@p = x
|
  address = func(...)
|
  sg_dma_address(sg) = func(...)
|
  e->member = func(...)
|
  e.member = func(...)
|
  address@p = <+... x ...+>
|
  sg_dma_address@p(sg) = <+... x ...+>
|
  e->member@p = <+... x ...+>
|
  e.member@p = <+... x ...+>
)

@declared@
expression physical.x;
identifier func, name;
position p;
@@

(
  dma_addr_t name@p = x;
|
  dma_addr_t name = func(...);
|
  dma_addr_t name@p = <+... x ...+>;
)

@script:python depends on report@
p << made.p;
@@

coccilib.report.print_report(p[0], "a page's physical address is taken for a DMA address; map it with the DMA API")

@script:python depends on report@
p << declared.p;
@@

coccilib.report.print_report(p[0], "a page's physical address is taken for a DMA address; map it with the DMA API")
