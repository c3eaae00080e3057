package com.chaquo.python.android;

import android.content.Context;
import com.chaquo.python.Python;

/** Stub written by hand for compilation only, from Chaquopy's documented Java API; nothing here runs. */
public class AndroidPlatform extends Python.Platform {
  public AndroidPlatform(Context context) {
    throw new UnsupportedOperationException("stub");
  }
}
