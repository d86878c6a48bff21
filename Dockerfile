# The page on CPU, as an unprivileged user: docker build -t fgsm . && docker run -p 7860:7860 fgsm
FROM python:3.12-slim

# PyTorch's own index has builds without CUDA, a tenth of the size.
COPY requirements.txt /tmp/
RUN pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu \
 && pip install --no-cache-dir -r /tmp/requirements.txt

RUN useradd --create-home visitor
USER visitor
WORKDIR /home/visitor/app
COPY --chown=visitor app.py ./
COPY --chown=visitor fgsm fgsm
COPY --chown=visitor assets assets
COPY --chown=visitor models models

ENV GRADIO_SERVER_NAME=0.0.0.0
EXPOSE 7860
CMD ["python", "app.py"]
