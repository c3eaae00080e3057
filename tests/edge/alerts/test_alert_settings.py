"""The configuration of the alerts: everything off, what is wrong named, secrets found and never shown."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import traceback

import pytest

from edge.alerts.channels.channel import ChannelContext, Secret, SecretSource
from edge.alerts.event import AlertConfigError
from edge.alerts.settings import settings_from_table
from edge.errors import ConfigError
from tests.edge.alert_receiver import SECRET

NAMES = [
    "terminal", "desktop", "command", "webhook", "mqtt", "apprise", "gpio", "termux_vibrate", "termux_notify",
]  # fmt: skip
WEBHOOK = {"enabled": True, "url": "http://127.0.0.1:1/", "secret_env": "S"}


@pytest.fixture
def build_enabled(fake_programs, clock):
    opened = []

    def build(environment=None, **table):
        context = ChannelContext({"PATH": fake_programs.path, **(environment or {})}, io.StringIO(), clock)
        opened.extend(settings_from_table(table).build_enabled(context))
        return opened

    yield build
    for channel in opened:
        channel.close()


def test_every_channel_is_off_by_default_and_naming_one_does_not_turn_it_on():
    settings = settings_from_table({"webhook": {"url": "https://example.org/"}})
    assert list(settings.channels()) == NAMES
    assert settings.enabled() == []
    assert (settings.show_numbers, settings.show_names) == (False, False)


def test_what_the_table_says_is_used_and_the_rest_keeps_its_default():
    settings = settings_from_table(
        {
            "cooldown_s": 90,
            "retry": {"first_s": 1},
            "command": {"enabled": True, "command": ["/bin/true", "--loud"]},
            "termux_vibrate": {"pulses_ms": [100, 200]},
        }
    )
    assert (settings.cooldown_s, settings.keep_days) == (90.0, 30.0)
    assert (settings.retry.first_s, settings.retry.longest_s) == (1.0, 300.0)
    assert settings.enabled() == ["command"]
    assert settings.command.command == ("/bin/true", "--loud")
    assert settings.termux_vibrate.pulses_ms == (100, 200)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"cooldown": 5}, r"alerts: unknown key cooldown; did you mean cooldown_s\?"),
        ({"webhok": {}}, r"alerts: unknown key webhok; did you mean webhook\?"),
        ({"webhook": {"urll": "x"}}, r"alerts.webhook: unknown key urll; did you mean url\?"),
        (5, "alerts: expected a table, got a whole number"),
        ({"cooldown_s": -1}, "alerts.cooldown_s: expected 0 to 86400, got -1"),
        ({"cooldown_s": float("nan")}, "alerts.cooldown_s: expected 0 to 86400, got nan"),
        ({"outbox": ""}, "alerts.outbox is empty; give the path"),
        ({"retry": {"first_s": 0}}, "alerts.retry.first_s: expected 0 < first_s <= longest_s"),
        ({"retry": {"first_s": float("nan")}}, "alerts.retry.first_s: expected 0 < first_s <= longest_s"),
        ({"webhook": {"enabled": True}}, 'alerts.webhook.url is missing; give the receiver.s address: url = "https'),
        ({"webhook": {"timeout_s": 500}}, "alerts.webhook.timeout_s: expected 0.05 to 120, got 500"),
        ({"command": {"enabled": True}}, "alerts.command.command is missing; give the program"),
        ({"mqtt": {"enabled": True}}, "alerts.mqtt.host is missing"),
        ({"mqtt": {"password_env": "P"}}, "alerts.mqtt.username is missing beside the password"),
        ({"mqtt": {"port": 70000}}, "alerts.mqtt.port: expected 1 to 65535, got 70000"),
        ({"gpio": {"enabled": True}}, "alerts.gpio.pin is missing; give the pin"),
        ({"gpio": {"device": "siren"}}, "alerts.gpio.device: expected buzzer or led, got 'siren'"),
        ({"termux_vibrate": {"pulses_ms": []}}, "pulses_ms: expected 1 to 10 pulses of 10 to 5000, got"),
    ],
)
def test_what_is_wrong_is_said_with_where_and_what_to_do(table, message):
    with pytest.raises(ConfigError, match=message):
        settings_from_table(table, "bonafone.toml: alerts")


class TestChannels:
    def test_every_channel_that_is_on_is_built_under_its_name(self, build_enabled, fake_programs, monkeypatch):
        for package in ("paho", "apprise", "gpiozero"):
            pytest.importorskip(package, reason=f"{package} is not installed (extra alerts)")
        monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
        for name in ("termux-vibrate", "termux-notification", "notify-send", "hook"):
            fake_programs.add(name)
        more = {
            "command": {"command": ["hook"]},
            "webhook": WEBHOOK,
            "mqtt": {"host": "127.0.0.1", "port": 1},
            "apprise": {"urls_env": "U"},
            "gpio": {"pin": "GPIO17"},
        }
        table = {name: {"enabled": True, **more.get(name, {})} for name in NAMES}
        built = build_enabled({"S": SECRET, "U": "json://127.0.0.1:1/"}, **table)
        assert [channel.name for channel in built] == NAMES
        assert all(channel.longest_s > 0 and channel.advice for channel in built)

    @pytest.mark.parametrize(
        ("environment", "webhook", "message"),
        [
            ({}, {}, "alerts.webhook: secret: the environment has no variable S"),
            ({}, {"secret_file": "f"}, "alerts.webhook: secret: expected one of .*, got both"),
            ({"S": "hunter2"}, {}, "alerts.webhook: the webhook's secret (is not base64|holds a key of)"),
            ({"S": SECRET}, {"url": "nowhere"}, "alerts.webhook: webhook.url: expected https://HOST/PATH"),
        ],
    )
    def test_one_that_cannot_work_is_refused_at_the_start_and_the_others_are_closed(
        self, build_enabled, monkeypatch, environment, webhook, message
    ):
        closed = []
        monkeypatch.setattr(
            "edge.alerts.channels.terminal.TerminalChannel.close", lambda self: closed.append(self.name)
        )
        with pytest.raises(AlertConfigError, match=message) as caught:
            build_enabled(environment, terminal={"enabled": True}, webhook={**WEBHOOK, **webhook})
        assert "hunter2" not in str(caught.value)
        assert closed == ["terminal"]

    @pytest.mark.parametrize(
        ("kind", "module", "package"),
        [("mqtt", "paho", "paho-mqtt"), ("apprise", "apprise", "apprise"), ("gpio", "gpiozero", "gpiozero")],
    )
    def test_a_missing_package_names_the_extra(self, build_enabled, monkeypatch, kind, module, package):
        monkeypatch.setitem(sys.modules, module, None)
        table = {"mqtt": {"host": "h"}, "gpio": {"pin": "1"}}.get(kind, {})
        with pytest.raises(
            AlertConfigError, match=rf"alerts.{kind}: .* package {package}.*pip install 'bonafone\[alerts\]'"
        ):
            build_enabled(**{kind: {"enabled": True, **table}})

    def test_a_missing_program_is_said_at_the_start_with_what_to_install(self, build_enabled):
        for kind, message in [
            ("command", "program no-such-hook, which is not found; check the first item of its command"),
            ("desktop", "program notify-send, .*apt install libnotify-bin"),
            ("termux_vibrate", "program termux-vibrate, .*pkg install termux-api"),
            ("termux_notify", "program termux-notification, .*pkg install termux-api"),
        ]:
            table = {"enabled": True, **({"command": ["no-such-hook"]} if kind == "command" else {})}
            with pytest.raises(AlertConfigError, match=message):
                build_enabled({"PATH": "/nowhere"}, **{kind: table})

    def test_none_loads_an_optional_package_before_it_is_built(self):
        code = """
import pkgutil, sys, importlib, edge.alerts
for module in pkgutil.walk_packages(edge.alerts.__path__, "edge.alerts."):
    importlib.import_module(module.name)
unwanted = {"paho", "apprise", "gpiozero", "numpy", "click", "requests", "http", "ssl", "email"}
print(sorted(unwanted & set(sys.modules)))
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"


class TestSecret:
    def test_it_is_not_shown_by_any_formatting(self):
        secret = Secret("hunter2")
        assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
        assert secret.reveal() == "hunter2"
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(secret)

    def test_it_comes_from_the_environment_or_from_a_file(self, tmp_path):
        file = tmp_path / "secret"
        file.write_text("from-file\n")
        assert SecretSource("secret", env="S").read({"S": "from-env"}).reveal() == "from-env"
        assert SecretSource("secret", file=str(file)).read({}).reveal() == "from-file"

    def test_a_missing_one_says_where_it_was_looked_for_and_quotes_none(self):
        for source, message in [
            ({}, r"secret: expected one of secret_env \(a variable's name\) or secret_file \(a path\), got neither"),
            ({"env": "S", "file": "f"}, "got both"),
            ({"env": "MISSING"}, "secret: the environment has no variable MISSING; set it where the program is"),
            ({"env": "EMPTY"}, "secret: variable EMPTY is empty; put the secret there"),
            ({"file": "/nowhere/at/all"}, r"file /nowhere/at/all cannot be read \(No such file or directory\)"),
            # The secret itself, put in place of its name.
            ({"env": "whsec_aHVudGVyMg"}, "the variable that secret_env names"),
            ({"file": "whsec_aHVudGVyMg"}, "the file that secret_file names"),
        ]:
            place = SecretSource("secret", **source)
            with pytest.raises(AlertConfigError, match=message.removeprefix("the ")) as caught:
                place.read({"EMPTY": "  ", "S": "hunter2"})
            shown = "".join(traceback.format_exception(caught.value)) + place.place
            assert not {"hunter2", "aHVudGVyMg"} & set(shown.replace("_", " ").split())
            assert "aHVudGVyMg" not in shown

    def test_a_file_that_is_no_text_is_not_quoted(self, tmp_path):
        file = tmp_path / "secret"
        file.write_bytes(b"hunter2\xff")
        with pytest.raises(AlertConfigError, match="is not UTF-8 text") as caught:
            SecretSource("secret", file=str(file)).read({})
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))

    def test_one_in_the_configuration_is_refused_with_the_right_place_and_not_shown(self):
        for key in ["secret", "previous_secret", "password", "urls"]:
            channel = {"password": "mqtt", "urls": "apprise"}.get(key, "webhook")
            message = f"alerts.{channel}: {key} is not written into the configuration, .* name that in {key}_env"
            with pytest.raises(AlertConfigError, match=message) as caught:
                settings_from_table({channel: {key: SECRET}}, "bonafone.toml: alerts")
            assert SECRET not in "".join(traceback.format_exception(caught.value))

    def test_a_token_in_a_url_is_in_no_repr_and_no_error(self):
        settings = settings_from_table({"webhook": {"enabled": True, "url": "https://example.org/t0ken"}})
        assert settings.webhook.url == "https://example.org/t0ken"
        assert "t0ken" not in repr(settings)
        with pytest.raises(AlertConfigError) as caught:
            settings_from_table({"webhook": {"url": ["https://example.org/t0ken"]}})
        assert "t0ken" not in str(caught.value)

    def test_a_file_that_every_user_can_use_is_warned_of(self, tmp_path):
        for mode, warned in [(0o600, False), (0o640, False), (0o644, True), (0o666, True)]:
            file = tmp_path / "secret"
            file.write_text(SECRET)
            file.chmod(mode)
            table = {"webhook": {"enabled": True, "url": "https://example.org/", "secret_file": str(file)}}
            warnings = settings_from_table(table).warnings({})
            expected = (
                f"alerts.webhook: every user of this machine can use file {file} (its mode is {mode:04o}); run chmod"
            )
            assert [warning.startswith(expected) for warning in warnings] == [True] * warned
