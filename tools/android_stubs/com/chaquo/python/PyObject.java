package com.chaquo.python;

/** Stub written by hand for compilation only, from Chaquopy's documented Java API; nothing here runs. */
public class PyObject implements AutoCloseable {
  PyObject() {}

  public PyObject callAttr(String name, Object... arguments) {
    throw new UnsupportedOperationException("stub");
  }

  @Override
  public void close() {
    throw new UnsupportedOperationException("stub");
  }
}
