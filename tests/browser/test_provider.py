"""Signing in through a provider, in a browser: out of the gateway, and back into it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import whole
from tests.demo.programs import Program, free_port, script
from tests.simulators.provider import SECRET, SimulatedProvider, provider

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def sso() -> Iterator[SimulatedProvider]:
    with provider() as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, sso: SimulatedProvider) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (tmp_path / "secret").write_text(SECRET)
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[gateway]\ndata_dir = "{tmp_path}/data"\n[api]\nport = {port}\n'
        f"[broker]\nport = {free_port()}\n"
        f'[oidc]\nissuer = "{sso.issuer}"\nclient_secret_file = "{tmp_path}/secret"\n'
    )
    serve: list[str | Path] = [script("evidock-gateway"), "serve", "--config", config]
    program = Program("gateway", serve, tmp_path / "gateway.log")
    program.start()
    try:
        program.wait_until(lambda: "gateway.ready" in program.tail() or None, "its API", 60)
        yield url
    finally:
        assert program.stop() == 0, program.tail()


def give_account(url: str) -> str:
    """As the documents say it."""
    account = ("account", "add", "wang", "--name", "王管理", "-r", "custodian", "--by", "周运维")
    more = ("--sign-in", "provider", "--why", "新任管理员", "--api", url)
    command = [str(script("evidock-gateway")), *account, *more]
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout


async def test_a_custodian_comes_in_through_the_provider(
    gateway: str, sso: SimulatedProvider, browser: Browser
) -> None:
    context = await browser.new_context(viewport={"width": 820, "height": 1180}, locale="zh-CN")
    page = await context.new_page()
    await page.goto(f"{gateway}/cases")
    await whole(page)
    await page.get_by_role("link", name="统一身份认证").click()
    await expect(page.get_by_role("alert")).to_contain_text("没有为您开通账户")
    await whole(page)

    assert give_account(gateway) == f"wang signs in through {sso.issuer}\n"
    await page.goto(f"{gateway}/signin?next=/cases")
    await page.get_by_role("link", name="统一身份认证").click()
    await page.wait_for_url(f"{gateway}/cases")
    await expect(page.locator("header")).to_contain_text("王管理")
    await page.get_by_role("button", name="退出").click()
    await page.wait_for_url(f"{gateway}/signin")
