"""The configuration: everything off, unknown keys with a suggestion, and no secret in any text."""

from __future__ import annotations

import traceback

import pytest
from alert_receiver import SECRET

from edge.alerts.config import load_settings, settings_from_table
from edge.alerts.errors import AlertConfigError
from edge.alerts.settings import AlertSettings

CHANNELS = {
    "terminal", "desktop", "command", "webhook", "mqtt", "apprise", "gpio", "termux_vibrate", "termux_notify",
}  # fmt: skip


@pytest.fixture
def load(tmp_path):
    def load(text):
        file = tmp_path / "bonafone.toml"
        file.write_text(text, encoding="utf-8")
        return load_settings(file)

    return load


def test_every_channel_is_off_by_default(load):
    settings = load("")
    assert set(settings.channels()) == CHANNELS
    assert not any(channel.enabled for channel in settings.channels().values())
    assert settings == AlertSettings()
    assert (settings.show_numbers, settings.show_names) == (False, False)


def test_naming_a_channel_does_not_turn_it_on(load):
    assert not load('[alerts.webhook]\nurl = "https://example.org/"').webhook.enabled


def test_what_the_file_says_is_taken_and_the_rest_keeps_its_default(load):
    settings = load(
        """
        [listen]
        source = "mic"
        [alerts]
        cooldown_s = 90
        [alerts.retry]
        first_s = 1
        [alerts.command]
        enabled = true
        command = ["/bin/true", "--loud"]
        [alerts.mqtt]
        port = 1884
        [alerts.termux_vibrate]
        pulses_ms = [100, 200]
        """
    )
    assert (settings.cooldown_s, settings.keep_days) == (90.0, 30.0)
    assert (settings.retry.first_s, settings.retry.longest_s) == (1.0, 300.0)
    assert (settings.command.enabled, settings.command.command) == (True, ("/bin/true", "--loud"))
    assert settings.mqtt.port == 1884
    assert settings.termux_vibrate.pulses_ms == (100, 200)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[alerts]\ncooldown = 5", r"bonafone.toml: alerts: unknown key cooldown; did you mean cooldown_s\?"),
        ("[alerts.webhok]", r"alerts: unknown key webhok; did you mean webhook\?"),
        ("[alerts.webhook]\nurll = 'x'", r"alerts.webhook: unknown key urll; did you mean url\?"),
        ("[alerts.terminal]\nxyz = 1", "unknown key xyz; known are bell, enabled, expires_s, timeout_s"),
        ("[alerts.webhook]\nenabled = 'yes'", "alerts.webhook.enabled: expected true or false, got a string"),
        ("[alerts]\ncooldown_s = true", "alerts.cooldown_s: expected a number, got true or false"),
        ("[alerts.mqtt]\nport = 1.5", "alerts.mqtt.port: expected a whole number, got a number"),
        ("[alerts.command]\ncommand = 'beep'", "alerts.command.command: expected a list, got a string"),
        ("[alerts.command]\ncommand = ['a', 1]", r"command\[1\]: expected a string, got a whole number"),
        ("alerts = 5", "alerts: expected a table, got a whole number"),
        ("[alerts]\nwebhook = true", "alerts.webhook: expected a table, got true or false"),
        ("[alerts]\ncooldown_s = -1", "alerts.cooldown_s: expected 0 to 86400, got -1"),
        ("[alerts]\ncooldown_s = nan", "alerts.cooldown_s: expected 0 to 86400, got nan"),
        ("[alerts]\noutbox = ''", "alerts.outbox is empty; give the path"),
        ("[alerts.retry]\nfirst_s = 0", "alerts.retry.first_s: expected 0 < first_s <= longest_s"),
        (
            "[alerts.webhook]\nenabled = true",
            'alerts.webhook.url is missing; give the receiver.s address: url = "https',
        ),
        ("[alerts.command]\nenabled = true", "alerts.command.command is missing; give the program"),
        ("[alerts.mqtt]\nenabled = true", "alerts.mqtt.host is missing"),
        ("[alerts.mqtt]\npassword_env = 'P'", "alerts.mqtt.username is missing beside the password"),
        ("[alerts.mqtt]\nport = 70000", "alerts.mqtt.port: expected 1 to 65535, got 70000"),
        ("[alerts.gpio]\nenabled = true", "alerts.gpio.pin is missing; give the pin"),
        ("[alerts.gpio]\ndevice = 'siren'", "alerts.gpio.device: expected buzzer or led, got 'siren'"),
        ("[alerts.desktop]\nmethod = 'x'", "alerts.desktop.method: expected dbus or notify-send, got 'x'"),
        ("[alerts.termux_vibrate]\npulses_ms = []", "pulses_ms: expected 1 to 10 pulses of 10 to 5000, got"),
        ("[alerts", "bonafone.toml: not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_where_and_what_to_do(load, text, message):
    with pytest.raises(AlertConfigError, match=message):
        load(text)


def test_a_file_that_is_missing_or_no_text_is_explained(tmp_path):
    with pytest.raises(AlertConfigError, match=r"none.toml: cannot read the configuration .*; give the path of a TOML"):
        load_settings(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(AlertConfigError, match="cannot read the configuration"):
        load_settings(tmp_path / "bad.toml")


@pytest.mark.parametrize(
    ("channel", "key"),
    [("webhook", "secret"), ("webhook", "previous_secret"), ("mqtt", "password"), ("apprise", "urls")],
)
def test_a_secret_in_the_file_is_refused_with_the_right_place_and_not_shown(load, channel, key):
    message = (
        f"alerts.{channel}: {key} is not written into the configuration, .* name that in {key}_env, or into a file"
    )
    with pytest.raises(AlertConfigError, match=message) as caught:
        load(f"[alerts.{channel}]\n{key} = '{SECRET}'")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_token_in_a_url_is_not_in_any_repr():
    settings = settings_from_table({"webhook": {"enabled": True, "url": "https://example.org/t0ken"}})
    assert settings.webhook.url == "https://example.org/t0ken"
    assert "t0ken" not in repr(settings) + repr(settings.webhook)


def test_a_value_of_the_wrong_kind_is_not_quoted():
    with pytest.raises(AlertConfigError) as caught:
        settings_from_table({"webhook": {"url": ["https://example.org/t0ken"]}})
    assert "t0ken" not in str(caught.value)
