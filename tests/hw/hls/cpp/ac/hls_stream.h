// hls::stream over Siemens' ac_channel.
#pragma once
#include <ac_channel.h>

namespace hls {
template <typename T>
class stream {
 public:
  void read(T &value) { value = channel_.read(); }
  T read() { return channel_.read(); }
  void write(const T &value) { channel_.write(value); }
  bool empty() { return !channel_.available(1); }

 private:
  ac_channel<T> channel_;
};
}  // namespace hls
