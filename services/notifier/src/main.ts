import { runService } from '@rekey/platform/run'
import { createApp } from './app.ts'
import { Env } from './config.ts'
import { production } from './production.ts'

await runService({ name: 'notifier', env: Env, production, createApp })
