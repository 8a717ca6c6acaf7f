"""The same jobs as on the pages, without a browser. No torch before a job needs it."""
