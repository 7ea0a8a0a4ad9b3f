"""The report as text."""


def spread(row, key, pattern):
    if key not in row:
        return "-"
    value = row[key]
    if value["min"] == value["max"]:
        return pattern % value["median"]
    return (pattern + " (" + pattern + " to " + pattern + ")") % (
        value["median"],
        value["min"],
        value["max"],
    )


def percent(row, key):
    return f"{100 * row[key]['median']:.0f}%" if key in row else "-"


def aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths)) + " |" for row in rows
    )


def table(head, rows):
    return aligned([head, ["---"] * len(head), *rows])


def limits_line(limits):
    middle = sorted(limits, key=lambda one: one["read_gb_s"])[len(limits) // 2]
    reads = [one["read_gb_s"] for one in limits]
    text = f"read {middle['read_gb_s']:.1f} GB/s ({min(reads):.1f} to {max(reads):.1f})"
    for name, vectors in middle["vectors"].items():
        text += f", {name}: f32 FMA {vectors['fma_gflop_s']:.0f} GFLOP/s"
        text += f" and scan {vectors['scan_g_updates_s']:.1f} G updates/s"
    tiles = middle["tile_gflop_s"]
    return text + (f", bf16 tiles {tiles:.0f} GFLOP/s" if tiles else ", no bf16 tiles")


def models(report):
    rows = []
    for row in report["rows"]:
        rows.append(
            [
                row["who"],
                row["weights"] + (f", rows {row['rows']}" if row["rows"] else ""),
                row["target"],
                spread(row, "prefill512", "%.0f"),
                spread(row, "prefill4096", "%.0f"),
                spread(row, "decode", "%.1f"),
                percent(row, "of_read"),
                spread(row, "first_token_ms", "%.0f"),
                spread(row, "peak_mb", "%.0f"),
            ]
        )
    head = [
        "who",
        "weights",
        "target",
        "prefill 512, tok/s",
        "prefill 4096, tok/s",
        "decode, tok/s",
        "of read",
        "first token, ms",
        "peak MB",
    ]
    return table(head, rows)


def scaling(report):
    rows = []
    for row in report["scaling"]:
        for name in ("decode", "prefill"):
            one, both, batch = (row[name][key]["median"] for key in ("one", "all", "batch"))
            cells = [f"{one:.1f}", f"{both:.1f}", f"{both / one:.2f}x"]
            cells += [f"{batch:.1f}", f"{batch / both:.2f}x"] if name == "decode" else ["-", "-"]
            rows.append([f"{row['weights']}, rows {row['rows']}", name, *cells])
    first = report["scaling"][0]
    threads, batch = f"{first['threads']} threads", f"{first['batch']} sequences"
    return table(
        ["ours", "tok/s", "1 thread", threads, "against 1", batch, "against 1 of them"], rows
    )


def positions(lines):
    rows = []
    for line in lines:
        for point in line["positions"]:
            rows.append(
                [
                    line["name"],
                    str(point["position"]),
                    f"{point['position'] / point['prefill_s']:.0f}",
                    f"{1e6 * point['decode_s_per_token']:.0f}",
                    f"{point['resident_mb']:.0f}",
                ]
            )
    return table(
        ["who", "position", "prompt up to it, tok/s", "decode there, us a token", "memory, MB"],
        rows,
    )


def bundled(report):
    first = spread(report["bundled"], "first_token_ms", "%.0f")
    return (
        f"bundled model, first token of a 1-token prompt from the process's start: {first} ms\n\n"
        + positions(report["bundled"]["lines"])
    )


def contexts(report):
    return positions(report["transformer"])


def checks(report):
    rows = [
        [
            row["name"],
            f"{row['worst']:.4f}",
            "yes" if row["same_token"] else "no",
            f"{row['tolerance']:g}" if row["tolerance"] else "-",
        ]
        for row in report["check"]
    ]
    return table(
        [
            "logits against ours in f32",
            "largest difference, of their size",
            "same token",
            "tolerance",
        ],
        rows,
    )


def text(report):
    parts = [f"{report['threads']} threads"]
    parts += [f"absent: {line}" for line in report["absent"]]
    versions = {row["version"] for row in report["rows"] if "version" in row}
    if versions:
        parts.append("peers: " + ", ".join(sorted(versions)))
    parts += [
        f"failed: {row['who']} {row['weights']}: {row['failure']}"
        for row in report["rows"]
        if "failure" in row
    ]
    for name, key, part in (
        ("models", "rows", models),
        (None, "check", checks),
        ("scaling", "scaling", scaling),
        ("transformer", "transformer", contexts),
        ("bundled", "bundled", bundled),
    ):
        if not report[key]:
            continue
        if name:
            run = report["measured"][name]
            limits = report["limits"] if key == "rows" else [run["limits"]]
            parts.append(f"{name}, from {run['at']} on; limits: {limits_line(limits)}")
        parts.append(part(report))
    return "\n\n".join(parts)
