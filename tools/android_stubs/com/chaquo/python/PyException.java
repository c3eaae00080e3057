package com.chaquo.python;

/** Stub written by hand for compilation only, from Chaquopy's documented Java API; nothing here runs. */
public class PyException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public PyException(String message) {
    super(message);
  }
}
