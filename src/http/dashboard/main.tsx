import { render } from "preact";
import { App } from "./app.tsx";
import { goLive } from "./live.ts";

goLive();
render(<App />, document.querySelector("#dashboard") as HTMLElement);
