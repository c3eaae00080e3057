package org.tensorflow.lite;

/** Stub written by hand for compilation only, from LiteRT's documented Java API; nothing here runs. */
public interface Tensor {
  int[] shape();

  int numBytes();

  DataType dataType();
}
