from django import forms
from django.shortcuts import redirect, render

from shop.models import Product


class ProductForm(forms.ModelForm):
    class Meta:
        model = Product
        fields = ("name", "manual")


def products(request):
    form = ProductForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        form.save()
        return redirect("home")
    return render(request, "products.html", {"form": form, "products": Product.objects.all()})
