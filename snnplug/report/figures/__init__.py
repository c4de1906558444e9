"""The pictures of a report: matplotlib figures as inline SVG that follows the page's colours."""
