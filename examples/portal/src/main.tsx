import './styles/base.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/bill.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { beginSession } from './session';

beginSession();
const place = document.getElementById('portal');
if (place) {
  createRoot(place).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
