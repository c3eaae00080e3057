package org.tensorflow.lite;

public enum DataType {
  FLOAT32
}
