package org.bonafone.guard;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Says that a class or method runs only from an API level on, so that every use of it stands inside
 * {@code if (Build.VERSION.SDK_INT >= level)}; {@code tools/check_android.py} reads it.
 */
@Retention(RetentionPolicy.CLASS)
@Target({ElementType.TYPE, ElementType.METHOD, ElementType.CONSTRUCTOR})
public @interface RequiresApi {
  /** The least API level. */
  int value();
}
