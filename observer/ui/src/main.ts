import { mount } from 'svelte';
import './style/tokens.css';
import './style/base.css';
import './style/explainer.css';
import './style/catalogue.css';
import './style/stages.css';
import './style/shell.css';
import './style/timeline.css';
import './style/shelf.css';
import './style/fork.css';
import './style/sheet.css';
import App from './App.svelte';
import { Session } from './model/session.svelte';
import { keys } from './shell/keys.svelte';
import { themes } from './shell/theme.svelte';
import { FileSocket } from './wire/file';
import { takeToken } from './wire/token';
import type { Socket } from './wire/socket';

function toObserver(): Session {
    const token = takeToken(location, sessionStorage, history);
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    return new Session(() => new WebSocket(`${scheme}://${location.host}/ws`) as Socket, token);
}

/* A page that was exported has its run with it. */
const carried = document.getElementById('run');
const session = carried ? new Session(() => new FileSocket(carried.textContent), '', true) : toObserver();
themes.begin();
keys.begin();
session.start();

const target = document.getElementById('app');
if (target) mount(App, { target, props: { session } });
