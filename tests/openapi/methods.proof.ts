// Every method on every path. methods.test.ts sends the usual methods and a fifth of the others.

process.env.REKEY_METHODS = 'all'
await import('./methods.test.ts')
