"""Where live audio comes from: microphone, command, standard input, file, RTP, AudioSocket; one kind of events."""
