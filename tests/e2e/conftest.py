"""One house for all end-to-end tests of a session: starting it takes longer than most of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from house.house import House


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """The whole house, with Home Assistant, cloud and car."""
    async with House(tmp_path_factory.mktemp("house")) as running:
        yield running
