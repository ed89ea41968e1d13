"""Says how many jobs a day had and how long they took, from the worker's log."""
import csv
import sys


def read(path):
    with open(path, newline="") as log:
        return list(csv.DictReader(log))


def summary(rows):
    total = sum(float(row["duration_ms"]) for row in rows)
    jobs = len(rows)
    average = total / jobs if jobs else 0.0
    return f"{jobs} jobs, {total:.0f} ms in all, {average:.1f} on average"


def main():
    print(summary(read(sys.argv[1])))


if __name__ == "__main__":
    sys.argv = sys.argv if len(sys.argv) > 1 else [sys.argv[0], "/var/log/jobs.csv"]
    main()
