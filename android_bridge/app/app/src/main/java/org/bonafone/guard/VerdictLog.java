package org.bonafone.guard;

import android.util.AtomicFile;
import android.util.Log;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * The last verdicts, newest first, kept in a file of the app. No number, name or file name is in it: only when, how it
 * was heard, the verdict and its scores over time.
 */
final class VerdictLog {
  private static final int KEPT = 50;
  private static final int POINTS = 240;

  private final AtomicFile file;

  VerdictLog(File file) {
    this.file = new AtomicFile(file);
  }

  /**
   * Keeps a verdict.
   *
   * @param kind "live" or "recording"
   * @param report the bridge's last answer
   * @param points its timeline
   */
  synchronized void add(String kind, JSONObject report, JSONArray points) {
    try {
      JSONObject entry = new JSONObject();
      entry.put("at_ms", System.currentTimeMillis());
      entry.put("kind", kind);
      entry.put("verdict", report.has("shown") ? report.optString("shown") : report.optString("verdict"));
      entry.put("p_bonafide", report.opt("p_bonafide"));
      entry.put("speech_s", report.optDouble("speech_s", 0));
      entry.put("alarms", report.optInt("alarms", 0));
      entry.put("timeline", thinned(points));
      JSONArray kept = new JSONArray().put(entry);
      for (JSONObject older : read()) {
        if (kept.length() < KEPT) {
          kept.put(older);
        }
      }
      write(kept.toString());
    } catch (JSONException | IOException error) {
      Log.e(GuardApplication.TAG, "a verdict could not be kept", error);
    }
  }

  /** What is kept, newest first; a file that cannot be read counts as empty. */
  synchronized List<JSONObject> read() {
    List<JSONObject> found = new ArrayList<>();
    if (!file.getBaseFile().exists()) {
      return found;
    }
    try {
      JSONArray entries = new JSONArray(new String(file.readFully(), StandardCharsets.UTF_8));
      for (int index = 0; index < entries.length(); index++) {
        found.add(entries.getJSONObject(index));
      }
    } catch (JSONException | IOException error) {
      Log.e(GuardApplication.TAG, "the kept verdicts cannot be read", error);
    }
    return found;
  }

  private void write(String text) throws IOException {
    FileOutputStream out = file.startWrite();
    try {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      file.finishWrite(out);
    } catch (IOException error) {
      file.failWrite(out);
      throw error;
    }
  }

  /** As many points as a small picture shows: of each span the last, where the score stands at its end. */
  private static JSONArray thinned(JSONArray points) throws JSONException {
    int count = Math.min(points.length(), POINTS);
    JSONArray kept = new JSONArray();
    for (int index = 1; index <= count; index++) {
      kept.put(points.getJSONObject((int) ((long) index * points.length() / count) - 1));
    }
    return kept;
  }
}
