package org.bonafone.guard;

import android.Manifest;
import android.content.pm.PackageManager;
import android.database.Cursor;
import android.net.Uri;
import android.os.Build;
import android.provider.BaseColumns;
import android.provider.ContactsContract;
import android.telecom.Call;
import android.telecom.CallScreeningService;
import android.telecom.Connection;
import android.telecom.TelecomManager;
import android.util.Log;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Before the call: caution from how the number is presented, whether it is a contact, and what the network's
 * STIR/SHAKEN verification said. No voice is heard here, so no verdict on one is given, and no call is ever stopped.
 * Android asks the app that holds the role CALL_SCREENING, which exists from API level 29 on.
 */
public final class ScreeningService extends CallScreeningService {
  @Override
  public void onScreenCall(Call.Details details) {
    // First the answer: Android waits for it, and the call must ring whatever Python does.
    respondToCall(details, new CallResponse.Builder().build());
    if (Build.VERSION.SDK_INT < 29 || details.getCallDirection() != Call.Details.DIRECTION_INCOMING) {
      return;
    }
    GuardApplication application = (GuardApplication) getApplication();
    application.worker().execute(() -> caution(application, details));
  }

  @RequiresApi(29)
  private void caution(GuardApplication application, Call.Details details) {
    try {
      JSONObject facts = new JSONObject();
      facts.put("presentation", presentation(details.getHandlePresentation()));
      Boolean contact = isContact(details.getHandle());
      facts.put("contact", contact == null ? JSONObject.NULL : contact);
      String verification = Build.VERSION.SDK_INT >= 30 ? verification(details) : null;
      facts.put("verification", verification == null ? JSONObject.NULL : verification);
      JSONObject caution = GuardApplication.parse(application.bridge().screen(facts.toString()));
      if (!caution.has("error") && !"none".equals(caution.optString("level"))) {
        Notices.showCaution(application, caution.optString("text"));
      }
    } catch (Exception error) { // the call rings all the same
      Log.e(GuardApplication.TAG, "the number could not be judged", error);
    }
  }

  private static String presentation(int presentation) {
    if (presentation == TelecomManager.PRESENTATION_ALLOWED) {
      return "allowed";
    }
    if (presentation == TelecomManager.PRESENTATION_RESTRICTED) {
      return "restricted";
    }
    return presentation == TelecomManager.PRESENTATION_PAYPHONE ? "payphone" : "unknown";
  }

  @RequiresApi(30)
  private static String verification(Call.Details details) {
    int status = details.getCallerNumberVerificationStatus();
    if (status == Connection.VERIFICATION_STATUS_PASSED) {
      return "passed";
    }
    return status == Connection.VERIFICATION_STATUS_FAILED ? "failed" : "not_verified";
  }

  /** Whether the number is a contact's; null where contacts may not be read, or there is no number. */
  private Boolean isContact(Uri handle) {
    if (handle == null
        || checkSelfPermission(Manifest.permission.READ_CONTACTS) != PackageManager.PERMISSION_GRANTED) {
      return null;
    }
    Uri lookup =
        Uri.withAppendedPath(
            ContactsContract.PhoneLookup.CONTENT_FILTER_URI, Uri.encode(handle.getSchemeSpecificPart()));
    String[] columns = {BaseColumns._ID};
    try (Cursor found = getContentResolver().query(lookup, columns, null, null, null)) {
      return found == null ? null : found.getCount() > 0;
    }
  }
}
