package org.bonafone.guard;

import android.content.ContentResolver;
import android.content.Context;
import android.content.Intent;
import android.content.SharedPreferences;
import android.content.UriPermission;
import android.database.Cursor;
import android.net.Uri;
import android.provider.DocumentsContract;
import android.provider.DocumentsContract.Document;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The folder that the user chose, which recordings are in it, and which of them were dealt with. */
final class RecordingFolder {
  private static final String PREFERENCES = "recordings";
  private static final String TREE = "tree";
  private static final String DONE = "done";
  private static final int MOST_FOLDERS = 50;

  /** One sound file of the folder. */
  static final class Recording {
    final Uri uri;
    final long bytes;
    final long modifiedMs;
    private final String id;

    Recording(Uri uri, String id, long bytes, long modifiedMs) {
      this.uri = uri;
      this.id = id;
      this.bytes = bytes;
      this.modifiedMs = modifiedMs;
    }

    /** The same until the file is written to again. */
    String key() {
      return id + ":" + bytes + ":" + modifiedMs;
    }
  }

  private final ContentResolver resolver;
  private final SharedPreferences preferences;

  RecordingFolder(Context context) {
    resolver = context.getContentResolver();
    preferences = context.getSharedPreferences(PREFERENCES, Context.MODE_PRIVATE);
  }

  /** Remembers a folder that the system's chooser gave; what is in it already counts as dealt with. */
  void choose(Uri tree) {
    resolver.takePersistableUriPermission(tree, Intent.FLAG_GRANT_READ_URI_PERMISSION);
    preferences.edit().putString(TREE, tree.toString()).apply();
    Set<String> old = new HashSet<>();
    for (Recording recording : list()) {
      old.add(recording.key());
    }
    preferences.edit().putStringSet(DONE, old).apply();
  }

  /** The folder; null where none is chosen or the permission was taken back. */
  Uri chosen() {
    String text = preferences.getString(TREE, null);
    for (UriPermission permission : resolver.getPersistedUriPermissions()) {
      if (permission.isReadPermission() && permission.getUri().toString().equals(text)) {
        return permission.getUri();
      }
    }
    return null;
  }

  /** Recordings that were not dealt with. */
  List<Recording> fresh() {
    Set<String> done = preferences.getStringSet(DONE, Collections.emptySet());
    List<Recording> fresh = new ArrayList<>();
    for (Recording recording : list()) {
      if (!done.contains(recording.key())) {
        fresh.add(recording);
      }
    }
    return fresh;
  }

  /** Never again, unless it is written to; what is gone from the folder is forgotten. */
  void setDone(Recording recording) {
    Set<String> there = new HashSet<>();
    for (Recording found : list()) {
      there.add(found.key());
    }
    Set<String> done = new HashSet<>(preferences.getStringSet(DONE, Collections.emptySet()));
    done.retainAll(there);
    done.add(recording.key());
    preferences.edit().putStringSet(DONE, done).apply();
  }

  /** Every sound file in the folder and those below it. */
  List<Recording> list() {
    List<Recording> found = new ArrayList<>();
    Uri tree = chosen();
    if (tree == null) {
      return found;
    }
    Deque<String> folders = new ArrayDeque<>();
    folders.add(DocumentsContract.getTreeDocumentId(tree));
    for (int count = 0; count < MOST_FOLDERS && !folders.isEmpty(); count++) {
      listOne(tree, folders.remove(), folders, found);
    }
    return found;
  }

  private void listOne(Uri tree, String folder, Deque<String> folders, List<Recording> found) {
    Uri children = DocumentsContract.buildChildDocumentsUriUsingTree(tree, folder);
    String[] columns = {
      Document.COLUMN_DOCUMENT_ID, Document.COLUMN_MIME_TYPE, Document.COLUMN_SIZE, Document.COLUMN_LAST_MODIFIED
    };
    try (Cursor cursor = resolver.query(children, columns, null, null, null)) {
      while (cursor != null && cursor.moveToNext()) {
        String id = cursor.getString(0);
        String kind = cursor.getString(1);
        if (Document.MIME_TYPE_DIR.equals(kind)) {
          folders.add(id);
        } else if (kind != null && (kind.startsWith("audio/") || kind.equals("video/3gpp"))) {
          Uri uri = DocumentsContract.buildDocumentUriUsingTree(tree, id);
          found.add(new Recording(uri, id, cursor.getLong(2), cursor.getLong(3)));
        }
      }
    }
  }
}
