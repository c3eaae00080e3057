package org.tensorflow.lite;

/** Stub written by hand for compilation only, from LiteRT's documented Java API; nothing here runs. */
public enum DataType {
  FLOAT32,
  INT32,
  UINT8,
  INT64,
  STRING,
  BOOL,
  INT16,
  INT8
}
