import { readFileSync } from 'node:fs'
import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { codesOf } from '@rekey/test-support/flows'
import { openPage } from '@rekey/test-support/page-walk'
import { submitPatiently } from '@rekey/test-support/patient-page'
import { startRekey } from '@rekey/test-support/rekey'
import type { Locator } from 'playwright-core'
import t from 'tap'
import { axeViolations, isTooWide, narrow } from '../layout/inspect-pages.fixture.ts'
import { nextCode } from './security.fixture.ts'

t.test('a customer adds an app, gets recovery codes and removes both in a browser', { skip: noBrowser }, async (t) => {
  const rekey = await startRekey(t)
  const browser = await launchBrowser(t)
  for (const [name, options, way] of [
    ['with script and the keyboard', {}, 'Enter'],
    ['without script, each button pressed twice', { javaScriptEnabled: false }, 'dblclick'],
  ] as const) {
    t.test(`on a phone, ${name}`, async (t) => {
      const customer = await createCustomer(rekey.postgres.url)
      const { page, errors } = await openPage(t, browser, { viewport: narrow, ...options })

      const heading = (title: string) => page.getByRole('heading', { level: 1, name: title })
      /** Waits for a page by its title. Otherwise the error states what is there instead. */
      const title = (name: string) =>
        heading(name)
          .waitFor()
          .catch(async (cause) => {
            throw new Error(`${name}: ${await page.locator('main').textContent()}`, { cause })
          })
      const press = (label: string | RegExp) => {
        const button = page.getByRole('button', { name: label }).first()
        return way === 'Enter' ? button.press(way) : button.dblclick()
      }
      /** Does a step again while a store or service is too busy to answer in time. */
      const until = (next: string, work: () => Promise<void>) => submitPatiently(page, heading(next), work)
      /** The same for a field, which is gone if a press was done whose answer came too late. */
      const fillUntil = (next: Locator, label: string, textFor: () => string) =>
        submitPatiently(page, next, async () => {
          const field = page.getByLabel(label)
          await field.or(next).first().waitFor()
          if (await next.first().isVisible()) return
          await field.fill(textFor())
          await press('Continue')
        })
      const inspect = async (state: string) => {
        t.equal(await isTooWide(page), false, `${state} fits a window of ${narrow.width} pixels`)
        if (way === 'Enter') t.same(await axeViolations(page), [], state)
      }
      const confirmation = async () => {
        const verification = await page.locator('.shown strong').textContent()
        return eventually(
          async () =>
            (await rekey.inbox.messagesTo(customer.email))
              .map(codesOf)
              .find((codes) => codes.verification === verification)?.confirmation,
          { what: 'the code' },
        )
      }
      const proveByApp = async (secret: string, next: string) => {
        await title('Enter the code from your app')
        await fillUntil(heading(next), 'Code from your app', () => nextCode(rekey, secret))
      }

      await page.goto(`${rekey.url}/account`)
      await until('Where should we send your code?', async () => {
        await page.getByLabel('Email or phone number').fill(customer.email)
        await page.getByLabel('Password', { exact: true }).fill(customer.password)
        await press('Sign in')
      })
      await press(/^Email to/)
      await title('Check your email')
      await page.getByLabel('Confirmation code').fill(await confirmation())
      await press('Continue')
      await title('Your account')

      await page.getByRole('link', { name: 'Security' }).click()
      await title('Security')
      await until('Check your email', () => press('Continue'))
      await page.reload()
      await inspect('the proof')
      const proof = await confirmation()
      await fillUntil(page.getByText('You have not added anything yet.'), 'Confirmation code', () => proof)
      await page.getByText('You have not added anything yet.').waitFor()
      await inspect('the list')

      await until('Add an authenticator app', () => press('Add an authenticator app'))
      await fillUntil(heading('Connect your app'), 'Name of the device', () => 'My phone')
      await page.getByRole('img', { name: 'QR code for your authenticator app' }).waitFor()
      await page.reload()
      await inspect('the secret')
      const secret = ((await page.locator('.secret').textContent()) ?? '').replaceAll(' ', '')
      await page.getByLabel('Code from your app').fill('000000')
      await press('Continue')
      await page.getByRole('alert').getByText('Let your phone set its time automatically').waitFor()
      await fillUntil(heading('Your app is connected'), 'Code from your app', () => nextCode(rekey, secret))
      await page.goBack()
      await page.reload()
      await title('Your app is connected')
      await inspect('the end of adding')

      await press('Get recovery codes')
      await proveByApp(secret, 'Recovery codes')
      await until('Your recovery codes', () => press('Show the codes'))
      await inspect('recovery codes')
      const shown = await page.locator('.codes li').allTextContents()
      t.equal(shown.length, 10)
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Save as a file' }).click(),
      ])
      t.equal(download.suggestedFilename(), 'recovery-codes.txt')
      const file = readFileSync(await download.path(), 'utf8')
      for (const code of shown) t.ok(file.includes(code), 'the file has each code')
      t.equal(
        await page.getByRole('button', { name: 'Print' }).isVisible(),
        way === 'Enter',
        'printing needs the script',
      )
      await page.emulateMedia({ media: 'print' })
      t.equal(await page.getByRole('button').filter({ visible: true }).count(), 0, 'paper has no buttons')
      t.equal(await page.locator('.codes').isVisible(), true)
      await page.emulateMedia({ media: 'screen' })
      await press('I have saved the codes')
      await page.getByText('10 codes are left').waitFor()
      await page.goBack()
      await page.reload()
      await title('Security')

      await press('Remove (My phone)')
      await proveByApp(secret, 'Remove this protection?')
      await inspect('the removal')
      await press('Remove')
      await page.getByText('It is removed.').waitFor()
      t.same(await page.locator('.records strong').allTextContents(), ['Recovery codes'])
      t.same(errors, [])
    })
  }
})
