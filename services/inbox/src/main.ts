import { ConfigError, loadConfig } from '@rekey/platform/config'
import { createInbox } from './app.ts'
import { Env } from './config.ts'

const fail = (message: string) => {
  process.stderr.write(`inbox: ${message}\n`)
  process.exit(1)
}

try {
  const config = loadConfig(Env, process.env)
  const inbox = await createInbox({
    host: config.HOST,
    httpPort: config.INBOX_PORT,
    smtpPort: config.INBOX_SMTP_PORT,
  })
  process.stdout.write(`inbox: ${inbox.httpUrl}, ${inbox.smtpUrl}\n`)
  const stop = async () => {
    await inbox.close()
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
