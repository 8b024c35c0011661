"""Label campaigns: what to compute (config, plan), how (gfn2, ...), and where (campaign, cluster)."""
