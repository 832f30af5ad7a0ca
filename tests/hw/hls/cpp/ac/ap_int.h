// ap_int and ap_uint with the bits of Siemens' ac_int: an implementation that has nothing in common
// with AMD's.  Operators are those of the plain integers that it converts to.
#pragma once
#include <ac_int.h>

template <int bits, bool is_signed>
class ap_number {
 public:
  ap_number() : bits_(0) {}
  ap_number(long long value) : bits_(value) {}
  operator long long() const { return bits_.to_int64(); }

 private:
  ac_int<bits, is_signed> bits_;
};

template <int bits>
struct ap_int : ap_number<bits, true> {
  ap_int() {}
  ap_int(long long value) : ap_number<bits, true>(value) {}
  template <int other, bool is_signed>
  ap_int(const ap_number<other, is_signed> &value) : ap_number<bits, true>((long long)value) {}
};

template <int bits>
struct ap_uint : ap_number<bits, false> {
  ap_uint() {}
  ap_uint(long long value) : ap_number<bits, false>(value) {}
  template <int other, bool is_signed>
  ap_uint(const ap_number<other, is_signed> &value) : ap_number<bits, false>((long long)value) {}
};
