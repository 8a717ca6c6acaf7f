"""What shapes the loss besides the labels, a small file for each term. This file imports no torch."""
