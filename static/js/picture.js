// A form's picture goes ahead of the form: it is seen at once, a bar shows how far it is, and what is wrong with it stands at
// its field before anything else is sent. Where this fails, the file goes with the form as it would without a script.

function setUp(field) {
  const form = field.closest('form');
  const input = field.querySelector('input[type=file]');
  const kept = field.querySelector('input[name=picture_kept]');
  const preview = field.querySelector('.picture-preview');
  const bar = field.querySelector('progress');
  const status = field.querySelector('.picture-status');
  const remove = field.querySelector('.picture-remove');
  const before = preview.innerHTML;
  let request = null;

  function tell(error) {
    let note = document.getElementById('picture-error');
    field.classList.toggle('field-failed', Boolean(error));
    if (!error) {
      note?.remove();
      input.removeAttribute('aria-invalid');
      input.setAttribute('aria-describedby', 'picture-help');
      return;
    }
    if (!note) {
      note = document.createElement('p');
      note.id = 'picture-error';
      note.className = 'field-error';
      document.getElementById('picture-help').before(note);
    }
    note.setAttribute('role', 'alert');
    note.textContent = error;
    input.setAttribute('aria-invalid', 'true');
    input.setAttribute('aria-describedby', 'picture-error picture-help');
  }

  function show(src) {
    const image = new Image();
    image.alt = '';
    image.onload = () => preview.replaceChildren(image);
    image.src = src;
  }

  function settle() {
    request = null;
    bar.hidden = true;
  }

  function refuse(error) {
    input.value = '';
    preview.innerHTML = before;
    tell(error);
  }

  function answered() {
    const { status: code } = request;
    let answer = {};
    try {
      answer = JSON.parse(request.responseText);
    } catch {
      // Not from us: a proxy's page.
    }
    settle();
    if (code === 201) {
      kept.value = answer.name;
      input.value = '';
      show(answer.src);
      remove.hidden = false;
      remove.querySelector('input').checked = false;
      status.textContent = field.dataset.ready;
    } else if (code === 422 && answer.errors?.picture) {
      refuse(answer.errors.picture.join(' '));
    } else if (code === 413) {
      refuse(field.dataset.tooLarge);
    } else if (answer.csrf_token) {
      // Somebody logged in or out in another window; the file goes with the form.
      form.elements.csrf_token.value = answer.csrf_token;
      status.textContent = answer.detail;
    } else {
      status.textContent = field.dataset.failed;
    }
  }

  input.addEventListener('change', () => {
    request?.abort();
    tell(null);
    status.textContent = '';
    const [file] = input.files;
    if (!file) return;
    if (file.size > Number(field.dataset.max)) {
      refuse(field.dataset.tooLarge);
      return;
    }
    const reader = new FileReader();
    reader.onload = () => show(reader.result);
    reader.readAsDataURL(file);
    const body = new FormData();
    body.append('csrf_token', form.elements.csrf_token.value);
    body.append('shape', field.dataset.shape);
    body.append('picture', file);
    request = new XMLHttpRequest();
    request.open('POST', '/pictures');
    request.setRequestHeader('Accept', 'application/json');
    request.upload.addEventListener('progress', ({ loaded, total }) => (bar.value = (loaded / total) * 100));
    request.addEventListener('load', answered);
    request.addEventListener('error', () => {
      settle();
      status.textContent = field.dataset.failed;
    });
    bar.value = 0;
    bar.hidden = false;
    request.send(body);
  });
  // Who does not wait sends the file with the form.
  form.addEventListener('submit', () => {
    request?.abort();
    settle();
  });
}

for (const field of document.querySelectorAll('.picture-field')) setUp(field);
