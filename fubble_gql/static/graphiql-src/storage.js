// The browser's storage without request headers: a key is never kept after the page is closed.
// What is read back gets the headers of this page, so that a history entry runs with today's key.
function withHeaders(text, headers) {
  return JSON.stringify(JSON.parse(text), (name, value) => (name === 'headers' ? headers : value));
}

const holdsHeaders = (name) => /(^|:)(queries|favorites|tabState)$/.test(name);

export function storageWithoutHeaders(headers) {
  return {
    getItem(name) {
      const text = localStorage.getItem(name);
      return text && holdsHeaders(name) ? withHeaders(text, headers || null) : text;
    },
    setItem(name, text) {
      localStorage.setItem(name, holdsHeaders(name) ? withHeaders(text, null) : text);
    },
    removeItem: (name) => localStorage.removeItem(name),
    clear: () => localStorage.clear(),
    get length() {
      return localStorage.length;
    },
  };
}
