import chromium from '@sparticuz/chromium';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';

/**
 * A real browser without a screen: the Chromium that the dev dependency @sparticuz/chromium unpacks into the temporary folder.
 * Close it when the tests have ended.
 */
export async function openBrowser(): Promise<Browser> {
  chromium.setGraphicsMode = false;
  return puppeteer.launch({
    args: [...puppeteer.defaultArgs({ args: chromium.args, headless: 'shell' }), '--no-sandbox'],
    executablePath: await chromium.executablePath(),
    headless: 'shell',
  });
}

/** What a page has asked for and complained about since it was opened. */
export interface PageLog {
  /** Addresses, the page's own among them; `data:` is no request. */
  requests: string[];
  /** Errors and warnings of the console, scripts that failed, requests that were refused. */
  problems: string[];
}

/** A new tab that keeps a log. */
export async function openPage(browser: Browser): Promise<{ page: Page; log: PageLog }> {
  const page = await browser.newPage();
  const log: PageLog = { requests: [], problems: [] };
  page.on('request', (request) => {
    if (!request.url().startsWith('data:')) log.requests.push(request.url());
  });
  page.on('requestfailed', (request) =>
    log.problems.push(`${request.url()}: ${request.failure()?.errorText ?? 'blocked'}`),
  );
  page.on('pageerror', (error) => log.problems.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) log.problems.push(message.text());
  });
  return { page, log };
}
