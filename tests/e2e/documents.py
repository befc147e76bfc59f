"""Small files of each format, made on the spot."""

import io


def pdf(*paragraphs: str) -> bytes:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

    style, target, flow = getSampleStyleSheet()["BodyText"], io.BytesIO(), []
    for paragraph in paragraphs:
        flow += [Paragraph(paragraph, style), Spacer(1, 12)]
    SimpleDocTemplate(target).build(flow)
    return target.getvalue()


def docx(*paragraphs: str) -> bytes:
    from docx import Document

    document, target = Document(), io.BytesIO()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.save(target)
    return target.getvalue()
