"""What `edge doctor` and `edge devices` look at: measurements are pure, what touches the machine is at the rim."""
