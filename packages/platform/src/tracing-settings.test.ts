import { join } from 'node:path'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { readConfig } from './config.ts'
import { startTracingWith } from './tracing.fixture.ts'
import { tracingEnv } from './tracing-settings.ts'

t.test('a wrong variable is an error that names it, without its value', async (t) => {
  const bad: Record<keyof typeof tracingEnv, string[]> = {
    OTEL_EXPORTER_OTLP_ENDPOINT: ['localhost:4318', 'grpc://planted:4317', 'http://pla nted'],
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ['planted'],
    OTEL_SDK_DISABLED: ['planted'],
    OTEL_TRACES_EXPORTER: ['planted'],
    OTEL_EXPORTER_OTLP_PROTOCOL: ['grpc', 'planted'],
    OTEL_EXPORTER_OTLP_HEADERS: ['planted', 'a=1,planted', 'plan ted=1', 'a=%zzplanted', 'a=1\nplanted=1'],
    OTEL_EXPORTER_OTLP_COMPRESSION: ['planted'],
    OTEL_EXPORTER_OTLP_TIMEOUT: ['0', '-1', 'planted', '99'],
    OTEL_EXPORTER_OTLP_CERTIFICATE: [],
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: [],
    OTEL_EXPORTER_OTLP_CLIENT_KEY: [],
    OTEL_SERVICE_NAME: ['planted\n', 'x'.repeat(101)],
    OTEL_RESOURCE_ATTRIBUTES: ['planted', '=planted', 'a=%planted'],
    OTEL_TRACES_SAMPLER: ['planted', 'ALWAYS_ON'],
    OTEL_TRACES_SAMPLER_ARG: ['1.1', '-0.1', 'planted'],
    OTEL_BSP_MAX_QUEUE_SIZE: ['0', 'planted'],
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: ['0', 'planted'],
    OTEL_BSP_SCHEDULE_DELAY: ['9', 'planted'],
  }
  t.same(Object.keys(bad), Object.keys(tracingEnv), 'each variable')
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) {
      const { errors } = readConfig(Type.Object(tracingEnv), { [name]: value })
      t.equal(errors.length, 1, `${name}=${value}`)
      t.match(errors[0], new RegExp(`^${name} is not valid`))
      t.notMatch(errors[0], 'planted')
    }
  }
  for (const name of ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'].map((end) => `OTEL_EXPORTER_OTLP_${end}`)) {
    const variables = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://127.0.0.1:9',
      [name]: join(import.meta.dirname, 'absent'),
    }
    await t.rejects(startTracingWith(t, variables), { errors: [`${name} cannot be read: ENOENT`] })
  }
})
