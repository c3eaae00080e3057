package org.bonafone.guard;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.util.AttributeSet;
import android.view.View;
import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONObject;

/**
 * The score over time: a line of {@code cm_score} in nats, above the middle a real voice, below a made one, coloured by
 * the verdict that stood at that moment. Where there was no score the line has a gap.
 */
public final class TimelineView extends View {
  private static final double RANGE_NATS = 6;

  private final Paint paint = new Paint(Paint.ANTI_ALIAS_FLAG);
  private final float density;
  private List<JSONObject> points = new ArrayList<>();

  /** As a layout makes it. */
  public TimelineView(Context context, AttributeSet attributes) {
    super(context, attributes);
    density = getResources().getDisplayMetrics().density;
  }

  /** Shows other points: objects with {@code end_s}, {@code cm_score} (null without a score) and {@code verdict}. */
  void setPoints(JSONArray timeline) {
    List<JSONObject> given = new ArrayList<>();
    for (int index = 0; timeline != null && index < timeline.length(); index++) {
      given.add(timeline.optJSONObject(index));
    }
    points = given;
    int text = given.isEmpty() ? R.string.timeline_empty : R.string.timeline_shown;
    setContentDescription(getContext().getString(text));
    invalidate();
  }

  @Override
  public void onDraw(Canvas canvas) {
    super.onDraw(canvas);
    paint.setColor(States.GREY);
    paint.setStrokeWidth(density);
    canvas.drawLine(0, y(0), getWidth(), y(0), paint);
    paint.setStrokeWidth(3 * density);
    double length = points.isEmpty() ? 1 : points.get(points.size() - 1).optDouble("end_s", 1);
    for (int index = 1; index < points.size(); index++) {
      JSONObject from = points.get(index - 1);
      JSONObject to = points.get(index);
      if (from.isNull("cm_score") || to.isNull("cm_score")) {
        continue;
      }
      paint.setColor(States.color(to.optString("verdict")));
      canvas.drawLine(
          x(from.optDouble("end_s"), length), y(from.optDouble("cm_score")),
          x(to.optDouble("end_s"), length), y(to.optDouble("cm_score")), paint);
    }
  }

  private float x(double seconds, double length) {
    return (float) (getWidth() * seconds / length);
  }

  private float y(double nats) {
    double clipped = Math.max(-RANGE_NATS, Math.min(RANGE_NATS, nats));
    return (float) (getHeight() * (0.5 - 0.5 * clipped / RANGE_NATS));
  }
}
