"""What customers are sent: the invoice as a PDF, from plain values alone.

invoice.py says what it shows, wording.py in which words, fonts.py with which characters, and
render.py makes the pages of it. Typst and fonttools come with the extra `pdf`.
"""
