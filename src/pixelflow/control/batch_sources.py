"""Which of a batch's sources may be asked for, and those that lie below a prefix."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pixelflow.control.batch_lines import Line, Refused
from pixelflow.control.fetching import Fetcher
from pixelflow.domain.asset import JOB
from pixelflow.domain.batch import MAX_SOURCES, Item
from pixelflow.domain.errors import EgressRefused, InvalidRequest, Problem
from pixelflow.domain.urls import OURS, WEB, bare, scheme_of, shown, site_of
from pixelflow.ports.store import JobStore, picture_key

HOSTS = 100
"""Different hosts that are looked up when a batch is made; all are when a picture is fetched."""
LOOK_SECONDS = 10.0
MAX_LISTED = 1_000_000
"""Objects of a prefix that are looked at."""
BREATH = 50
"""Lines after which everybody else gets a turn."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Looks without fetching anything."""

    store: JobStore
    fetcher: Fetcher

    async def there(self, tenant: str, items: Sequence[Item]) -> tuple[list[Item], list[Refused]]:
        """Those whose pictures may be asked for, as far as can be told now."""
        hosts: dict[str, str] = {}
        for item in items:
            assert item.remote is not None
            if scheme_of(item.remote.url) in WEB and len(hosts) < HOSTS:
                hosts.setdefault(site_of(item.remote.url), item.remote.url)
        said = await self._looked(hosts)
        good, refused = [], []
        for number, item in enumerate(items):
            if number % BREATH == 0:
                await asyncio.sleep(0)  # ten thousand lines must not hold up everybody else
            problem = await self._problem(tenant, item, said)
            if problem is None:
                good.append(item)
            else:
                assert item.remote is not None
                refused.append(Refused(item.number, problem, bare(item.remote.url)))
        return good, refused

    async def _looked(self, hosts: Mapping[str, str]) -> Mapping[str, str]:
        """Why each of these hosts is not called, for those that are not."""
        said: dict[str, str] = {}

        async def look(host: str, url: str) -> None:
            try:
                await self.fetcher.egress.check(url)
            except EgressRefused as error:
                said[host] = error.detail
            except OSError:
                return  # it may answer by the time that its pictures are fetched

        looks = [asyncio.create_task(look(host, url)) for host, url in hosts.items()]
        if looks:
            _, late = await asyncio.wait(looks, timeout=LOOK_SECONDS)
            for each in late:
                each.cancel()
        return said

    async def _problem(self, tenant: str, item: Item, said: Mapping[str, str]) -> Problem | None:
        assert item.remote is not None
        url = item.remote.url
        if scheme_of(url) in WEB:
            why = said.get(site_of(url))
            return Problem(why, "url", allowed="an address that this server calls") if why else None
        for origin, prefix in OURS.items():
            if url.startswith(prefix):
                name = url.removeprefix(prefix)
                reference = JOB + name if origin == "job_id" else name
                if await picture_key(self.store, tenant, reference) is not None:
                    return None
                what = f"{origin.removesuffix('_id')} with a picture"
                return Problem(f"there is no {what} {name!r}", origin, value=name, allowed=f"a {what}")
        try:
            await self.fetcher.check(tenant, item.remote)
        except EgressRefused as error:
            return Problem(error.detail, "url", allowed="an address that this server reads")
        return None

    async def below(self, tenant: str, prefix: object, after: object) -> tuple[list[Line], str | None]:
        """The pictures of a bucket or a folder by name, and where the next batch begins if there are more;
        raises InvalidRequest."""
        if not isinstance(prefix, str) or scheme_of(prefix) in {"", *WEB}:
            allowed = "a bucket or folder as s3://bucket/path/ or file:///path/"
            raise _refused(f"prefix must be {allowed}", "prefix", prefix, allowed)
        if not isinstance(after, str):
            raise _refused("after must be a URL below the prefix", "after", after, "a URL")
        found: list[str] = []
        seen = 0
        try:
            async for entry in self.fetcher.buckets.list(tenant, prefix):
                seen += 1
                if entry.bytes and entry.url > after:
                    found.append(entry.url)
                if len(found) > 2 * MAX_SOURCES:
                    found = sorted(found)[: MAX_SOURCES + 1]
                if seen >= MAX_LISTED:
                    break
        except EgressRefused as error:
            raise _refused(error.detail, "prefix", None, "a prefix that this server reads") from None
        except (KeyError, PermissionError) as error:
            message = f"{shown(prefix)} cannot be listed: {error}"
            raise _refused(message, "prefix", None, "a prefix that can be listed") from None
        urls = sorted(found)
        if not urls:
            where = shown(prefix) + (f" after {shown(after)}" if after else "")
            raise _refused(f"there is nothing below {where}", "prefix", None, "a prefix with objects")
        lines = [Line(number, url) for number, url in enumerate(urls[:MAX_SOURCES], 1)]
        return lines, urls[MAX_SOURCES - 1] if len(urls) > MAX_SOURCES else None


def _refused(message: str, field: str, value: object, allowed: str) -> InvalidRequest:
    return InvalidRequest([Problem(message, field, value=value, allowed=allowed)])
