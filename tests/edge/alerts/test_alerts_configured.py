"""What `edge alerts` and `edge events` make of a configuration: its secrets are never shown, and its faults are named."""

from __future__ import annotations

import pytest
from alert_home import OTHER_SECRET, rows, webhook
from alert_receiver import SECRET

SECRETS = (SECRET.removeprefix("whsec_"), OTHER_SECRET.removeprefix("whsec_"), "t0ken", "hunter2")


class TestSecrets:
    """Wherever they are, and whatever goes wrong, they are in nothing that is printed."""

    @pytest.fixture
    def said(self, home):
        def said(**environment):
            """All that the commands print, on both outputs."""
            calls = [("alerts", "list"), ("alerts", "test"), ("events", "--deliveries")]
            return "".join(
                part
                for call in calls
                for more in ((), ("--json",))
                for part in home.run(*call, *more, **environment)[1:]
            )

        return said

    def needs(self, home, **environment):
        _, out, _ = home.run("alerts", "list", "--json", **environment)
        (row,) = [row for row in rows(out) if row["channel"] == "webhook"]
        return [(need["name"], need["present"]) for need in row["needs"]]

    def test_from_the_environment(self, home, receiver, said):
        home.configure(webhook(receiver.url, 'previous_secret_env = "OLD"'))
        given = {"HOOK_SECRET": SECRET, "OLD": OTHER_SECRET}
        assert self.needs(home, **given) == [("variable HOOK_SECRET", True), ("variable OLD", True)]
        text = said(**given)
        assert "webhook  arrived" in text
        assert not [secret for secret in SECRETS if secret in text]
        assert len(receiver.received) == 2

    def test_from_a_file(self, home, receiver, said):
        file = home.folder / "secret"
        home.configure(webhook(receiver.url, secret=f'secret_file = "{file}"'))
        assert self.needs(home) == [(f"file {file}", False)]
        file.write_text(SECRET + "\n")
        assert self.needs(home) == [(f"file {file}", True)]
        text = said()
        assert "webhook  arrived" in text
        assert not [secret for secret in SECRETS if secret in text]

    @pytest.mark.parametrize(
        "secret", [OTHER_SECRET, "hunter2", "hunter2 is not base64"], ids=["other", "short", "text"]
    )
    def test_one_that_is_wrong(self, home, receiver, said, secret):
        home.configure(webhook(receiver.url))
        text = said(HOOK_SECRET=secret)
        assert "failed" in text
        assert not [known for known in SECRETS if known in text]

    def test_urls_of_apprise_and_the_brokers_password(self, home, said, free_port):
        for package in ("apprise", "paho.mqtt.client"):
            pytest.importorskip(package, reason=f"{package} is not installed (extra alerts)")
        home.configure(
            '[alerts.apprise]\nenabled = true\nurls_env = "URLS"\ntimeout_s = 2',
            f'[alerts.mqtt]\nenabled = true\nhost = "127.0.0.1"\nport = {free_port}\ntimeout_s = 0.5',
            'username = "me"\npassword_env = "BROKER"',
        )
        text = said(URLS=f"json://me:hunter2@127.0.0.1:{free_port}/t0ken", BROKER="hunter2")
        assert "apprise could not notify service 1" in text
        assert f"not connected to the MQTT broker 127.0.0.1:{free_port}" in text
        assert not [secret for secret in SECRETS if secret in text]

    @pytest.mark.parametrize("key", ["secret", "secrt_env"])
    def test_one_written_into_the_configuration_is_refused_and_not_repeated(self, home, said, receiver, key):
        home.configure(webhook(receiver.url, secret=f'{key} = "{SECRET}"'))
        code, out, err = home.run("alerts", "list")
        assert (code, out) == (2, "")
        assert f"alerts.webhook: {'secret is not written into' if key == 'secret' else 'unknown key secrt_env'}" in err
        assert not [secret for secret in SECRETS if secret in said()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[alerts\n", "not TOML"),
        ("[alert]\n", "unknown table alert; known are alerts, listen, watch"),
        ("alerts = 1\n", "alerts: expected a table, got a whole number"),
        ("[alerts.terminal]\nenabeld = true\n", "alerts.terminal: unknown key enabeld; did you mean enabled?"),
        ("[alerts.webhook]\nenabled = true\n", "alerts.webhook.url is missing; give the receiver's address"),
        ("[alerts.webhook]\ntimeout_s = 500\n", "alerts.webhook.timeout_s: expected 0.05 to 120, got 500"),
    ],
)
@pytest.mark.parametrize("arguments", [("alerts", "list"), ("alerts", "test"), ("events",)])
def test_a_broken_configuration_is_named_and_exits_with_2(home, arguments, text, message):
    home.config.write_text(text)
    code, out, err = home.run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"Error: {home.config}: ")
    assert message in err
    assert len(err.splitlines()) == 1
