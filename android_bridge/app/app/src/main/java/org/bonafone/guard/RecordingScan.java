package org.bonafone.guard;

import android.util.Log;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.json.JSONArray;
import org.json.JSONObject;

/** One look at the folder: waits until a new recording is complete, decodes and scores it, tells the verdict. */
final class RecordingScan {
  private static final long UNCHANGED_MS = 5000;
  private static final int LOOKS = 24;
  private static final long GIVEN_UP_AFTER_MS = 10 * 60 * 1000L;

  private final GuardApplication application;
  private final RecordingFolder folder;
  private volatile boolean stopped;

  RecordingScan(GuardApplication application) {
    this.application = application;
    folder = new RecordingFolder(application);
  }

  /** Leaves off after the recording that is being scored. */
  void stop() {
    stopped = true;
  }

  void run() throws IOException, InterruptedException {
    Set<String> seen = new HashSet<>();
    for (int look = 0; look < LOOKS && !stopped; look++) {
      List<RecordingFolder.Recording> fresh = folder.fresh();
      if (fresh.isEmpty()) {
        return;
      }
      boolean waiting = false;
      for (RecordingFolder.Recording recording : fresh) {
        // Complete is what kept its size and date from one look to the next.
        if (stopped || !seen.contains(recording.key()) || !score(recording)) {
          waiting |= seen.add(recording.key());
        }
      }
      if (!waiting) {
        return;
      }
      Thread.sleep(UNCHANGED_MS);
    }
  }

  /** Scores one; false where it must wait for another look. */
  private boolean score(RecordingFolder.Recording recording) throws IOException {
    if (application.isGuarding()) {
      return false; // the model follows one stream at a time; GuardService asks for a look when it ends
    }
    GuardBridge bridge = application.bridge();
    JSONObject report;
    try {
      report = new RecordingDecoder(application.getContentResolver(), bridge).score(recording.uri);
    } catch (IOException | RuntimeException error) {
      report = GuardApplication.failure(error);
    }
    if (report.has("error")) {
      Log.w(GuardApplication.TAG, "a recording cannot be scored: " + report.optString("error"));
      boolean old = System.currentTimeMillis() - recording.modifiedMs > GIVEN_UP_AFTER_MS;
      if (old) {
        folder.setDone(recording);
      }
      return old;
    }
    folder.setDone(recording);
    JSONArray points = report.optJSONArray("timeline");
    application.verdicts().add("recording", report, points == null ? new JSONArray() : points);
    Notices.showRecording(application, States.name(application, report.optString("verdict")));
    return true;
  }
}
