"""PDF files with known pages, written by hand."""

from collections.abc import Sequence


def pdf(*pages: Sequence[float], colors: Sequence[str] = ("1 0 0", "0 1 0", "0 0 1")) -> bytes:
    """Pages of these widths and heights in points; the lower left quarter of each has a colour of its own."""
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(len(pages)))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"]
    for number, (width, height) in enumerate(pages):
        drawn = f"{colors[number % len(colors)]} rg 0 0 {width / 2} {height / 2} re f"
        box = f"/MediaBox [0 0 {width} {height}] /Contents {4 + 2 * number} 0 R"
        objects.append(f"<< /Type /Page /Parent 2 0 R {box} >>")
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    content = b"%PDF-1.4\n"
    places = []
    for number, each in enumerate(objects, 1):
        places.append(len(content))
        content += f"{number} 0 obj\n{each}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    start = len(content)
    size = len(objects) + 1
    content += f"xref\n0 {size}\n0000000000 65535 f \n{table}".encode()
    return content + f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
