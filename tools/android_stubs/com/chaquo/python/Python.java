package com.chaquo.python;

/** Stub written by hand for compilation only, from Chaquopy's documented Java API; nothing here runs. */
public class Python {
  /** Where Python runs. */
  public abstract static class Platform {}

  private Python() {}

  public static synchronized void start(Platform platform) {
    throw new UnsupportedOperationException("stub");
  }

  public static synchronized boolean isStarted() {
    throw new UnsupportedOperationException("stub");
  }

  public static synchronized Python getInstance() {
    throw new UnsupportedOperationException("stub");
  }

  public PyObject getModule(String name) {
    throw new UnsupportedOperationException("stub");
  }
}
