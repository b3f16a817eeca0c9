// S38 with every combination of what a browser states, on every route of the public port. cross-site.test.ts sends a fifth.

process.env.REKEY_CROSS_SITE = 'all'
await import('./cross-site.test.ts')
