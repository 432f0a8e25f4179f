"""What a run tells while it trains: log.csv for the report, TensorBoard for people."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from types import TracebackType

from cofeat.files import write_text
from cofeat.image import UInt8Array

LOG_FILE = "log.csv"


class RunLog:
    """Writes one row a log step; rows after the place of a resume are dropped first.

    Args:
        run: the run's folder.
        columns: of log.csv; a row may leave any out.
        step: the step at which the run goes on.
    """

    def __init__(self, run: Path, columns: list[str], step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._path = run / LOG_FILE
        self._columns = columns
        kept = [row for row in read_log(self._path) if int(row["step"]) <= step]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(kept)
        write_text(self._path, text.getvalue())
        self._file = self._path.open("a", encoding="utf-8", newline="")
        self._rows = csv.DictWriter(self._file, columns, restval="", extrasaction="ignore")
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._board.close()

    def row(self, step: int, epoch: float, values: dict[str, float]) -> None:
        """Write values measured after ``step`` optimizer steps."""
        shown = {name: f"{value:.6g}" for name, value in values.items()}
        self._rows.writerow({"step": step, "epoch": f"{epoch:.4g}", **shown})
        self._file.flush()
        for name, value in values.items():
            group, _, rest = name.partition("_")
            tag = f"{group}/{rest}" if group in ("loss", "weight", "val") and rest else name
            self._board.add_scalar(tag, value, step)

    def flush(self) -> None:
        """Have TensorBoard's file hold what was told so far."""
        self._board.flush()

    def picture(self, step: int, name: str, picture: UInt8Array) -> None:
        """Show a picture, uint8 (H, W, 3), in TensorBoard."""
        self._board.add_image(name, picture, step, dataformats="HWC")


def read_log(path: Path) -> list[dict[str, str]]:
    """Return the rows of a log.csv, none where there is no file.

    A last row that a kill cut short is left out.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row["step"].isdigit() and None not in row.values()]
