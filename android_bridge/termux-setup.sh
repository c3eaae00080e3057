#!/data/data/com.termux/files/usr/bin/bash
# Sets bonafone up in Termux: packages, access to the recordings, a configuration whose alarm makes the phone vibrate.
# Safe to run again. From a checkout: bash android_bridge/termux-setup.sh
# With the path of a wheel: bash termux-setup.sh bonafone-VERSION-py3-none-any.whl
set -euo pipefail

what="${1:-$(cd "$(dirname "$0")/.." && pwd)}"
config="${XDG_CONFIG_HOME:-$HOME/.config}/bonafone/bonafone.toml"

say() { printf '%s\n' "$*" >&2; }

if ! command -v pkg >/dev/null; then
    say "This is not Termux (no program pkg). On other systems: pip install 'bonafone[edge]'"
    exit 1
fi
if [ ! -e "$what" ]; then
    say "$what: no such file or folder; give the path of the checkout or of the wheel"
    exit 1
fi

# NumPy, the TFLite runtime, soxr and PyAV come ready-made: the registry of Python packages has no wheels for Android.
pkg install -y python python-pip python-numpy python-tflite-runtime python-soxr python-av termux-api
# Bare: the extra "edge" asks for ai-edge-litert, which Android has not.
pip install "$what"

if [ ! -d "$HOME/storage/shared" ]; then
    say "Android now asks whether Termux may see your files: allow it."
    termux-setup-storage
fi

if [ -e "$config" ]; then
    say "$config exists and stays as it is."
else
    mkdir -p "$(dirname "$config")"
    cat >"$config.new" <<'TOML'
# Written by termux-setup.sh. All other channels are off.
[alerts.termux_vibrate]
enabled = true
pulses_ms = [150, 150, 150, 900, 150, 150, 150, 900]
pause_ms = 100

[alerts.termux_notify]
enabled = true
TOML
    mv "$config.new" "$config"
    say "Wrote $config"
fi

if ! command -v termux-vibrate >/dev/null; then
    say "termux-vibrate is missing although termux-api is installed; run: pkg reinstall termux-api"
    exit 1
fi
say "Ready. Install the app Termux:API beside Termux, then: python -m android_bridge.adapters.termux buzz"
