"""What shops cost: import a list, find the nearest, reserve stock. Prints its own figures beside the limit.

    python -m benchmarks.shops            (its own embedded servers)

The limit of the import is COPY of the same columns into a temporary table in the same minute.
"""

import asyncio
import csv
import random
import statistics
import tempfile
import time
import uuid
from pathlib import Path

from benchmarks import kit
from stores.repository.nearest import statement
from stores.rules.places import box_around
from stores.service import imports, nearest
from stores.types import Place
from yundian.brands.service import create_brand
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings
from yundian.platform.db import migrate
from yundian.platform.db.database import Database, operator_unit_of_work
from yundian.platform.intake import mapping
from yundian.platform.intake.service import run_import

COLUMNS = (
    "code,name,country,province,city,district,address,postcode,phone,"
    "latitude,longitude,datum,time_zone,status,hours"
)


def write_list(path: Path, shops: int) -> None:
    """Invented shops scattered like a Chinese chain: half of them in four cities."""
    chance = random.Random(1)
    cities = [(31.2, 121.5), (39.9, 116.4), (23.1, 113.3), (30.3, 120.2)]
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS.split(","))
        for number in range(shops):
            lat, lon = (
                cities[number // 2 % 4] if number % 2 else (chance.uniform(18, 46), chance.uniform(100, 129))
            )
            lat, lon = lat + chance.gauss(0, 0.1), lon + chance.gauss(0, 0.1)
            place = [f"{lat:.6f}", f"{lon:.6f}", "gcj02", "Asia/Shanghai", "open", "Mo-Su 10:00-22:00"]
            address = ["CN", "省", "市", "区", "路 1 号", "200000", "021-55550101"]
            out.writerow([f"S{number:06d}", f"第{number}号店", *address, *place])


async def measure(settings: Settings, shops: int, folder: Path) -> None:
    file = folder / f"{shops}.csv"
    write_list(file, shops)
    brand_id = new_id()
    async with operator_unit_of_work(settings, brand_id) as session:
        await create_brand(session, brand_id=brand_id, code=f"b{shops}", name="Benchmark")
    database = Database(settings)
    await database.open()
    rules = mapping.load(imports.MAPPINGS / "demo.toml")
    print(f"\n{shops} shops")
    for label in ("import, all new", "import again, unchanged"):
        started, cpu = time.perf_counter(), time.process_time()
        await run_import(database, brand=brand_id, kind=imports.SHOPS, file=file, mapping=rules)
        took, cpu = time.perf_counter() - started, time.process_time() - cpu
        print(f"  {label:26} {shops / took:9,.0f} shops/s   CPU {cpu / shops * 1e6:5.0f} us each")
    print(f"  {'COPY of the same columns':26} {await copy_limit(database, brand_id, file):9,.0f} shops/s")
    async with operator_unit_of_work(settings, None) as session:
        await (await session.connection()).exec_driver_sql("ANALYZE stores_shop")
    await time_nearest(database, brand_id)
    await database.close()


async def copy_limit(database: Database, brand_id: uuid.UUID, file: Path) -> float:
    with file.open(newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    started = time.perf_counter()
    async with database.connection(brand_id) as tx:
        names = COLUMNS.split(",")
        await tx.execute(f"CREATE TEMP TABLE t ({', '.join(f'{n} text' for n in names)}) ON COMMIT DROP")
        await tx.copy("t", names, rows)
    return len(rows) / (time.perf_counter() - started)


async def time_nearest(database: Database, brand_id: uuid.UUID) -> None:
    chance = random.Random(2)
    for label in ("city", "anywhere"):
        times = []
        for _ in range(200):
            lat, lon = (31.2, 121.5) if label == "city" else (chance.uniform(18, 46), 110.0)
            started = time.perf_counter()
            async with database.unit_of_work(brand_id) as session:
                await nearest.nearest_shops(session, brand_id=brand_id, place=Place(lat, lon), limit=10)
            times.append((time.perf_counter() - started) * 1000)
        cuts = statistics.quantiles(times, n=100)
        print(f"  nearest 10, {label:14} p50 {cuts[49]:6.2f} ms   p99 {cuts[98]:6.2f} ms (with hours and views)")
    box = box_around(Place(31.2, 121.5), radius_m=5_000)
    arguments = (box.south, box.north, 31.2, 121.5, box.west, box.east, 5_000.0, 10)
    async with database.connection(brand_id) as tx:
        plan = await tx.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {statement(box, only_open=True)}", brand_id, *arguments)
    print("\n".join(f"    {row[0]}" for row in plan))


async def run(settings: Settings, folder: Path) -> None:
    await migrate.upgrade(settings)
    for shops in (2_734, 27_340):
        await measure(settings, shops, folder)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, kit.house() as house:
        asyncio.run(run(house.settings, Path(folder)))


if __name__ == "__main__":
    main()
