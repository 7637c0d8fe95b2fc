// SPDX-License-Identifier: MIT
/// What a mediator says is input from outside of the driver: the registers of the PVINFO page, and all of the memory
/// that the channel shares with it. Before such a value is an index, a length, the bound of a loop, a shift, a place
/// in the GGTT or an address, it is compared with a bound (<, <=, >, >=: what is not 0 may still be 4 billion), or is
/// passed to a validator: a function with "check", "bound", "valid" or "partition" in its name. Shared memory is read
/// once, with READ_ONCE() or a load with acquire semantics: what is read twice may be two things.
///
/// Followed is a value in the variable or the member that it is read into; in a member through the other functions of
/// the same file, too, by the member's name. Not followed: what is copied from there, returned, or passed to a function;
/// a member that another file uses, unless its struct is one of those below; and whether a comparison is the right one.
///
// Confidence: High
// Options: --no-includes --include-headers
// Each file alone: together it takes ten times as long

virtual report

@initialize:python@
@@

harmful = set()
bounded = set()


def place(p):
    return p[0].file, p[0].line, p[0].column


# The rules below match only such places: so each goes past what else is done with the value on the way, printing it, say.
def harms(p):
    return place(p) in harmful and place(p) not in bounded


def found(p, what):
    coccilib.report.print_report(p[0], "%s: a value of the host that nobody has checked" % what)


// -- Where would a value of the host do harm? ----------------------------------------------------------------------

@used@
expression x, e, mask;
expression *pointer;
struct drm_mm_node node;
identifier alloc =~ "alloc|^io(re)?map|^memremap$|^pci_iomap|^__va$|^phys_to_virt$|^pfn_to_page$|^BIT";
identifier reserve =~ "^(i915_gem_gtt|drm_mm)_(reserve|insert)";
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
  reserve(..., <+... x@p ...+>, ...)
|
  move(..., <+... x@p ...+>)
|
  alloc(<+... x@p ...+>, ...)
|
  alloc(e, <+... x@p ...+>, ...)
)

@looped@
expression x, i;
statement S;
position p;
@@

(
  for (...; \(i < x@p\|i <= x@p\); ...) S
|
  while (\(x@p--\|--x@p\|i < x@p\|i <= x@p\)) S
)

// A node in a struct that is not known here: it is one if it is reserved.
@placed exists@
expression node, x;
position p;
@@

  \(node.start\|node.size\) = <+... x@p ...+>;
  ... when any
  drm_mm_reserve_node(..., &node)

@placed_there exists@
expression node, x;
position p;
@@

  \(node->start\|node->size\) = <+... x@p ...+>;
  ... when any
  drm_mm_reserve_node(..., node)

@initialised@
identifier node;
identifier where = {start, size};
expression x;
position p;
@@

  struct drm_mm_node node = { .where = x@p, };

// In one expression: x < n ? a[x] : 0; x < n && a[x]
@guarded@
expression x, e, other;
position p;
@@

(
  \(x < e\|x <= e\|x > e\|x >= e\) ? <+... x@p ...+> : other
|
  \(x < e\|x <= e\|x > e\|x >= e\) && <+... x@p ...+>
|
  \(x < e\|x <= e\|x > e\|x >= e\) || <+... x@p ...+>
)

@script:python@
p << used.p;
@@

harmful.add(place(p))

@script:python@
p << looped.p;
@@

harmful.add(place(p))

@script:python@
p << placed.p;
@@

harmful.add(place(p))

@script:python@
p << placed_there.p;
@@

harmful.add(place(p))

@script:python@
p << initialised.p;
@@

harmful.add(place(p))

@script:python@
p << guarded.p;
@@

bounded.add(place(p))

// -- Is there a way on which nobody looks at it before? ------------------------------------------------------------

@value exists@
local idexpression x;
identifier read =~ "read";
identifier check =~ "check|bound|valid|partition";
struct vgpu_ring *ring;
expression shared, e;
position p : script:python() { harms(p) };
@@

(
  x = <+... read(..., <+... \(vgtif_reg(...)\|vgtif_offset(...)\) ...+>) ...+>
|
  x = <+... \(ring->shared_head\|ring->shared_tail\|shared->request_head\|shared->response_tail\) ...+>
|
  x = <+... ring->data[...] ...+>
)
  ... when != x = e
      when != \(x < e\|x <= e\|x > e\|x >= e\)
      when != check(..., \(x\|&x\), ...)
  x@p

@script:python depends on report@
p << value.p;
@@

found(p, "a variable")

@message exists@
identifier msg;
identifier check =~ "check|bound|valid|partition";
expression ring, fault, e;
position p : script:python() { harms(p) };
@@

  vgpu_ring_read(ring, msg, fault)
  ... when != \(msg[...] < e\|msg[...] <= e\|msg[...] > e\|msg[...] >= e\)
      when != check(..., \(msg\|msg[...]\), ...)
  msg@p[...]

@script:python depends on report@
p << message.p;
@@

found(p, "a dword of a message")

// These structs hold what was read, as it was read.
@as_read exists@
{struct vgpu_grant *, struct vgpu_pvinfo *, struct vgt_response_status *, struct vgt_msg *} copy;
identifier func, member;
identifier check =~ "check|bound|valid|partition";
expression e;
position p : script:python() { harms(p) };
@@

func(...)
{
  ... when != \(copy->member < e\|copy->member <= e\|copy->member > e\|copy->member >= e\)
      when != check(..., copy, ...)
  copy@p->member
  ... when any
}

@script:python depends on report@
p << as_read.p;
copy << as_read.copy;
member << as_read.member;
@@

found(p, "%s->%s" % (copy, member))

// A member keeps what was read: in the function that reads it ...
@kept exists@
expression x, keeper, e;
identifier member;
identifier read =~ "read";
identifier where =~ "^vgtif_(reg|offset)$";
identifier check =~ "check|bound|valid|partition";
position p : script:python() { harms(p) };
@@

(
  \(keeper->member\&x\) = <+... read(..., <+... where(...) ...+>) ...+>;
|
  \(keeper.member\&x\) = <+... read(..., <+... where(...) ...+>) ...+>;
)
  ... when != x = e
      when != \(x < e\|x <= e\|x > e\|x >= e\)
      when != check(..., \(x\|&x\|keeper\|&keeper\), ...)
  x@p

@script:python depends on report@
p << kept.p;
@@

found(p, "a member")

// ... and, if that one does not look at it, in others of the same file.
@left exists@
expression x, keeper, e;
identifier member;
identifier read =~ "read";
identifier where =~ "^vgtif_(reg|offset)$";
identifier check =~ "check|bound|valid|partition";
position p;
@@

(
  \(keeper->member@p\&x\) = <+... read(..., <+... where(...) ...+>) ...+>;
|
  \(keeper.member@p\&x\) = <+... read(..., <+... where(...) ...+>) ...+>;
)
  ... when != x = e
      when != \(x < e\|x <= e\|x > e\|x >= e\)
      when != check(..., \(x\|&x\|keeper\|&keeper\), ...)

@elsewhere exists@
expression keeper, e;
identifier left.member, func;
identifier check =~ "check|bound|valid|partition";
position p : script:python() { harms(p) };
@@

func(...)
{
(
  ... when != keeper->member = e
      when != \(keeper->member < e\|keeper->member <= e\|keeper->member > e\|keeper->member >= e\)
      when != check(..., \(keeper->member\|keeper\), ...)
  keeper@p->member
|
  ... when != keeper.member = e
      when != \(keeper.member < e\|keeper.member <= e\|keeper.member > e\|keeper.member >= e\)
      when != check(..., \(keeper.member\|&keeper\), ...)
  keeper@p.member
)
  ... when any
}

@script:python depends on report@
read << left.p;
member << left.member;
p << elsewhere.p;
@@

if p[0].file == read[0].file:
    found(p, "->%s" % member)

// The register or the memory itself, where it is used.
@itself@
identifier read =~ "read";
struct vgpu_ring *ring;
position p : script:python() { harms(p) };
@@

(
  read@p(..., <+... \(vgtif_reg(...)\|vgtif_offset(...)\) ...+>)
|
  ring@p->data[...]
)

@script:python depends on report@
p << itself.p;
@@

found(p, "what is read here")

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
