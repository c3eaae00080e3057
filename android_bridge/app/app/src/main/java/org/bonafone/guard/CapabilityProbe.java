package org.bonafone.guard;

import android.Manifest;
import android.app.role.RoleManager;
import android.content.Context;
import android.content.pm.PackageManager;
import android.media.AudioManager;
import android.os.Build;
import android.os.Vibrator;
import android.system.Os;
import android.system.OsConstants;
import java.util.ArrayList;
import java.util.List;

/** What this phone allows the app to record and do, each with what it means; nothing is taken for granted. */
final class CapabilityProbe {
  /** Granted to apps that come with the system; no user can give it. */
  private static final String CAPTURE = "android.permission.CAPTURE_AUDIO_OUTPUT";

  /** One line of the screen. */
  static final class Finding {
    final boolean good;
    final String text;

    Finding(boolean good, String text) {
      this.good = good;
      this.text = text;
    }
  }

  private final Context context;
  private final List<Finding> findings = new ArrayList<>();

  private CapabilityProbe(Context context) {
    this.context = context;
  }

  /** Looks at everything; not on the main thread, since the folder may be slow. */
  static List<Finding> probe(Context context) {
    CapabilityProbe probe = new CapabilityProbe(context);
    probe.audio();
    probe.recordings();
    probe.before();
    probe.buzz();
    probe.system();
    return probe.findings;
  }

  /** Whether the phone gives this app the audio of its own calls. */
  static boolean mayCaptureCalls(Context context) {
    return isGranted(context, CAPTURE);
  }

  static boolean isGranted(Context context, String permission) {
    return context.checkSelfPermission(permission) == PackageManager.PERMISSION_GRANTED;
  }

  static boolean holdsScreeningRole(Context context) {
    return Build.VERSION.SDK_INT >= 29
        && context.getSystemService(RoleManager.class).isRoleHeld(RoleManager.ROLE_CALL_SCREENING);
  }

  private void audio() {
    boolean allowed = isGranted(context, Manifest.permission.RECORD_AUDIO);
    add(allowed, allowed ? R.string.probe_microphone : R.string.probe_no_microphone);
    boolean captures = mayCaptureCalls(context);
    add(captures, captures ? R.string.probe_capture : R.string.probe_no_capture);
    if (!captures && context.getSystemService(AudioManager.class).getMode() == AudioManager.MODE_IN_CALL) {
      add(false, R.string.probe_in_call);
    }
    if (Build.VERSION.SDK_INT < 29) {
      add(false, R.string.probe_cannot_tell_silenced);
    }
  }

  private void recordings() {
    RecordingFolder folder = new RecordingFolder(context);
    if (folder.chosen() == null) {
      add(false, R.string.probe_no_folder);
    } else {
      findings.add(new Finding(true, context.getString(R.string.probe_folder, folder.list().size())));
    }
  }

  private void before() {
    boolean held = holdsScreeningRole(context);
    add(held, held ? R.string.probe_screening : R.string.probe_no_screening);
    boolean allowed = Build.VERSION.SDK_INT < 33 || isGranted(context, Manifest.permission.POST_NOTIFICATIONS);
    add(allowed, allowed ? R.string.probe_notifications : R.string.probe_no_notifications);
  }

  private void buzz() {
    Vibrator vibrator = Phone.vibratorOf(context);
    boolean there = vibrator.hasVibrator();
    add(there, there ? R.string.probe_vibrator : R.string.probe_no_vibrator);
    if (there && !vibrator.hasAmplitudeControl()) {
      add(true, R.string.probe_no_amplitude);
    }
  }

  private void system() {
    long pageKb = Os.sysconf(OsConstants._SC_PAGESIZE) / 1024;
    findings.add(new Finding(true, context.getString(R.string.probe_system, Build.VERSION.SDK_INT, (int) pageKb)));
  }

  private void add(boolean good, int text) {
    findings.add(new Finding(good, context.getString(text)));
  }
}
