// SPDX-License-Identifier: MIT
/// What a mediator says is input from outside of the driver: the registers of the PVINFO page, and all of the memory
/// that the channel shares with it. Before such a value is an index, a length, the bound of a loop, a shift, a place
/// in the GGTT or an address, it is compared with something, or is passed to a validator: a function with "check",
/// "bound", "valid" or "partition" in its name. Shared memory is read once, with READ_ONCE() or a load with acquire
/// semantics: what is read twice may be two things.
///
// Confidence: High
// Options: --no-includes --include-headers

virtual report

@initialize:python@
@@

host = {}


def place(p):
    return p.file, p.line, p.column


def found(p):
    if place(p) in host:
        coccilib.report.print_report(p, "%s: a value of the host that nobody has checked" % host[place(p)])


// -- Where is a value of the host mentioned, on a way on which nobody has looked at it? ----------------------------

// In one expression: x < n ? a[x] : 0; x < n && a[x]
@guarded@
expression x, e, other;
position p;
@@

(
  \(x < e\|x <= e\|x > e\|x >= e\|x == e\|x != e\) ? <+... x@p ...+> : other
|
  \(x < e\|x <= e\|x > e\|x >= e\|x == e\|x != e\) && <+... x@p ...+>
|
  \(x < e\|x <= e\|x > e\|x >= e\|x == e\|x != e\) || <+... x@p ...+>
)

@value exists@
local idexpression x;
identifier read =~ "read";
identifier check =~ "check|bound|valid|partition";
struct vgpu_ring *ring;
expression shared, e;
position p != guarded.p;
@@

(
  x = <+... read(..., <+... \(vgtif_reg(...)\|vgtif_offset(...)\) ...+>) ...+>
|
  x = <+... \(ring->shared_head\|ring->shared_tail\|shared->request_head\|shared->response_tail\) ...+>
|
  x = <+... ring->data[...] ...+>
)
  ... when != x = e
      when != \(x < e\|x <= e\|x > e\|x >= e\|x == e\|x != e\)
      when != check(..., \(x\|&x\), ...)
  x@p

@message exists@
identifier msg;
identifier check =~ "check|bound|valid|partition";
expression ring, fault, e;
position p != guarded.p;
@@

  vgpu_ring_read(ring, msg, fault)
  ... when != \(msg[...] < e\|msg[...] <= e\|msg[...] > e\|msg[...] >= e\|msg[...] == e\|msg[...] != e\)
      when != check(..., \(msg\|msg[...]\), ...)
  msg@p[...]

// These structs hold what was read, as it was read.
@as_read exists@
{struct vgpu_grant *, struct vgpu_pvinfo *, struct vgt_response_status *, struct vgt_msg *} copy;
identifier func, member;
identifier check =~ "check|bound|valid|partition";
expression e;
position p != guarded.p;
@@

func(...)
{
  ... when != \(copy->member < e\|copy->member <= e\|copy->member > e\|copy->member >= e\|copy->member == e\|copy->member != e\)
      when != check(..., copy, ...)
  copy@p->member
  ... when any
}

// The register or the memory itself, where it is used.
@itself@
identifier read =~ "read";
struct vgpu_ring *ring;
position p;
@@

(
  read@p(..., <+... \(vgtif_reg(...)\|vgtif_offset(...)\) ...+>)
|
  ring@p->data[...]
)

@script:python@
p << value.p;
@@

host[place(p[0])] = "a variable"

@script:python@
p << message.p;
@@

host[place(p[0])] = "a dword of a message"

@script:python@
p << as_read.p;
copy << as_read.copy;
member << as_read.member;
@@

host[place(p[0])] = "%s->%s" % (copy, member)

@script:python@
p << itself.p;
@@

host[place(p[0])] = "what is read here"

// -- Where would it do harm? ---------------------------------------------------------------------------------------

@used depends on value || message || as_read || itself@
expression x, e, mask;
expression *pointer;
struct drm_mm_node node;
identifier alloc =~ "alloc|^io(re)?map|^memremap$|^pci_iomap|^__va$|^phys_to_virt$|^pfn_to_page$|^BIT";
identifier move =~ "^_*mem(cpy|move|set|cmp)|^copy_(to|from)_user";
position p;
@@

(
  e[<+... x & mask ...+>]
|
  e[<+... x@p ...+>]
|
  e << x@p
|
  pointer + x@p
|
  \(node.start\|node.size\) = <+... x@p ...+>
|
  move(..., <+... x@p ...+>)
|
  alloc(<+... x@p ...+>, ...)
|
  alloc(e, <+... x@p ...+>, ...)
)

@looped depends on value || message || as_read || itself@
expression x, i;
statement S;
position p;
@@

(
  for (...; \(i < x@p\|i <= x@p\); ...) S
|
  while (\(x@p--\|--x@p\|i < x@p\|i <= x@p\)) S
)

@script:python depends on report@
p << used.p;
@@

found(p[0])

@script:python depends on report@
p << looped.p;
@@

found(p[0])

// -- Is it read as if nobody else could write it? ------------------------------------------------------------------

@once@
identifier access =~ "^(READ_ONCE|WRITE_ONCE|(virt|smp)_(load_acquire|store_release))$";
identifier member;
expression e;
struct vgt_channel *shared;
struct vgpu_ring *ring;
position p;
@@

(
  access(<+... shared@p->member ...+>, ...)
|
  access(*ring@p->member, ...)
|
  access(ring@p->data[...], ...)
|
  &shared@p->member
|
  shared@p->member = e
|
  &ring@p->data[...]
)

@plain@
struct vgt_channel *shared;
struct vgpu_ring *ring;
position p != once.p;
@@

(
  shared@p->request_head
|
  shared@p->response_tail
|
  *ring@p->shared_head
|
  *ring@p->shared_tail
|
  ring@p->data[...]
)

@script:python depends on report@
p << plain.p;
@@

coccilib.report.print_report(p[0], "shared with the host, who may change it at any time: read it with READ_ONCE() or with acquire semantics")
