"""Results -> Plotly figures, and sentences that read them. Pure functions; no torch, no Streamlit."""
