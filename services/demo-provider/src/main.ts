import { ConfigError, loadConfig } from '@rekey/platform/config'
import { createDemoProvider } from './app.ts'
import { Env } from './config.ts'

const fail = (message: string) => {
  process.stderr.write(`demo-provider: ${message}\n`)
  process.exit(1)
}

// Its passwords are published.
if (process.env.NODE_ENV === 'production' || process.env.REKEY_PROFILE === 'production')
  fail('runs in the sandbox only: connect your own identity provider (docs/console.md)')

try {
  const config = loadConfig(Env, process.env)
  const provider = await createDemoProvider({
    host: config.HOST,
    port: config.PROVIDER_PORT,
    clientId: config.PROVIDER_CLIENT_ID,
    redirectUri: config.PROVIDER_REDIRECT_URI,
    audience: config.PROVIDER_AUDIENCE,
  })
  process.stdout.write(`demo-provider: ${provider.issuer}\n`)
  const stop = async () => {
    await provider.close()
    process.exit(0)
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  // The parent process has ended.
  if (process.channel) process.once('disconnect', stop)
} catch (error) {
  const { code, port } = error as NodeJS.ErrnoException & { port?: number }
  if (error instanceof ConfigError) fail(error.message)
  else if (code === 'EADDRINUSE') fail(`port ${port} is busy`)
  else throw error
}
